/**
 * What a backup is: a manifest that names a dump, a list of contents and the key of stored secrets by their hashes.
 * Guarantees: no byte of a manifest can change unseen; a backup is there once its manifest is, which is written last.
 */
import { hash } from 'node:crypto';
import { z } from 'zod';
import { Fault } from '../../base/faults.ts';
import { parseJson } from '../../base/parse-json.ts';
import type { Depot } from '../../ports/depot.ts';

/** Bytes in the depot. */
const part = z.strictObject({ sha256: z.string().regex(/^[0-9a-f]{64}$/), bytes: z.int().min(0) });
export type Part = z.infer<typeof part>;

export const manifestShape = z.strictObject({
  id: z.string(),
  /** When its snapshot was taken. */
  at: z.string(),
  /** Of the program. */
  version: z.string(),
  /** Of the tables. */
  schema: z.int(),
  /** The newest event of each zone. */
  revisions: z.record(z.string(), z.int()),
  dump_sha256: z.string(),
  dump_bytes: z.int(),
  rows: z.int(),
  /** Contents, and the bytes of all that the backup consists of. */
  blobs: z.int(),
  bytes: z.int(),
  /** Bytes that had to be sent: the rest was in the depot. */
  sent_bytes: z.int(),
  took_ms: z.int(),
  /** Why it was made. */
  reason: z.enum(['asked', 'schedule', 'safety']),
  parts: z.strictObject({ dump: part, objects: part, secrets: part }),
});
export type Manifest = z.infer<typeof manifestShape>;

const SUFFIX = '.json';
const BEGUN = '.begun';

/** By its time, so that names sort by age. */
export const backupIdOf = (now: number, random: string): string =>
  `bk-${new Date(now).toISOString().replace(/[-:.]/g, '').toLowerCase()}-${random}`;

export const isBackupId = (id: string): boolean => /^bk-[0-9]{8}t[0-9]{9}z-[0-9a-f]{8}$/.test(id);

/** The manifest, and behind it the hash of its bytes. */
export function writeManifest(manifest: Manifest): string {
  const text = JSON.stringify(manifest);
  return `${text}\n${hash('sha256', text)}\n`;
}

/** Undefined where it is not as it was written. */
export function readManifest(document: string): Manifest | undefined {
  const [text = '', sha256, ...rest] = document.split('\n');
  if (rest.join('\n') !== '' || rest.length !== 1 || hash('sha256', text) !== sha256) return undefined;
  const parsed = manifestShape.safeParse(parseJson(text));
  return parsed.success ? parsed.data : undefined;
}

export const putManifest = async ({ documents }: Depot, manifest: Manifest): Promise<void> => {
  await documents.put(manifest.id + SUFFIX, writeManifest(manifest));
  await documents.remove(manifest.id + BEGUN);
};

/** From here on contents may be in the depot that no manifest names. */
export const noteBegun = ({ documents }: Depot, id: string): Promise<void> => documents.put(id + BEGUN, '');

export interface Shelved {
  /** Ids of backups, newest first. */
  readonly ids: readonly string[];
  /** Those that were begun and have not come to their end. */
  readonly begun: readonly string[];
}

export async function listShelved({ documents }: Depot): Promise<Shelved> {
  const names = (await documents.list()).reverse();
  const having = (suffix: string): string[] =>
    names.filter((name) => name.endsWith(suffix)).map((name) => name.slice(0, -suffix.length));
  return { ids: having(SUFFIX).filter(isBackupId), begun: having(BEGUN).filter(isBackupId) };
}

export async function removeManifest({ documents }: Depot, id: string): Promise<void> {
  await documents.remove(id + SUFFIX);
}

export const removeBegun = ({ documents }: Depot, id: string): Promise<void> => documents.remove(id + BEGUN);

/** All manifests that can be read, newest first, and the ids of the others. */
export async function listManifests(depot: Depot): Promise<{ manifests: Manifest[]; damaged: string[] }> {
  const { ids } = await listShelved(depot);
  const manifests: Manifest[] = [];
  const damaged: string[] = [];
  for (const id of ids) {
    const manifest = readManifest((await depot.documents.get(id + SUFFIX)) ?? '');
    if (manifest) manifests.push(manifest);
    else damaged.push(id);
  }
  return { manifests, damaged };
}

/** `latest`, or an id. BACKUP_NOT_FOUND, or BACKUP_DAMAGED where its manifest is not what it was. */
export async function getManifest(depot: Depot, ref: string): Promise<Manifest> {
  if (ref !== 'latest') return readOne(depot, ref);
  for (const id of (await listShelved(depot)).ids) {
    const manifest = await readOne(depot, id);
    // One that came before a restore is what somebody wanted to leave.
    if (manifest.reason !== 'safety') return manifest;
  }
  throw new Fault('BACKUP_NOT_FOUND', 'There is no backup yet; make one: nexus backup now');
}

async function readOne(depot: Depot, id: string): Promise<Manifest> {
  const document = isBackupId(id) ? await depot.documents.get(id + SUFFIX) : undefined;
  if (document === undefined) {
    throw new Fault('BACKUP_NOT_FOUND', `No backup ${id.slice(0, 64)}; nexus backup list shows what there is`);
  }
  const manifest = readManifest(document);
  if (manifest?.id === id) return manifest;
  throw damagedBackup(id, ['manifest: it is not as it was written']);
}

export const damagedBackup = (id: string, problems: readonly string[]): Fault =>
  new Fault(
    'BACKUP_DAMAGED',
    `Backup ${id} is damaged: ${problems[0]}${problems.length > 1 ? `, and ${problems.length - 1} more` : ''}`,
    {
      backup: id,
      problems: problems.slice(0, 100),
    },
  );
