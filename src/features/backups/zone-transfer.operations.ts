/**
 * One zone leaves as a file, and comes in from one (docs/backup.md). Guarantees: what is exported is one snapshot; what is
 * imported is there all at once or not at all, and not before every byte of it was looked at.
 */
import { z } from 'zod';
import { Fault } from '../../base/faults.ts';
import { isZoneId, ZONE_ID } from '../../base/ids.ts';
import type { ContentKeeping } from '../../core/call/backups.ts';
import type { Operation } from '../../core/operation.ts';
import { touchBlobs } from '../content/content.sql.ts';
import { reserve } from '../content/content.ts';
import { path } from '../files/params.ts';
import { getContent } from '../files/read.operations.ts';
import { findZone } from '../zones/zones.sql.ts';

const zoneId = z.string().regex(ZONE_ID, 'is no id of a zone');
const exporting = z.object({ zone_id: z.string().describe('id of the zone') });
type Exporting = z.infer<typeof exporting>;

const line = z.union([z.array(z.unknown()), z.record(z.string(), z.unknown())]);

export const zoneExport: Operation<Exporting, Exporting> = {
  name: 'zone.export',
  summary:
    'Give all of one zone as lines, to be imported elsewhere: files with their history, access, events, agents, schedules, the corpus.',
  effect: 'read',
  who: 'root admin',
  zone: 'caller',
  input: exporting,
  output: exporting,
  faults: ['ZONE_NOT_FOUND', 'UNAVAILABLE'],
  http: { method: 'GET', path: '/api/v2/zones/:zone_id/export' },
  cli: { words: 'zone export', args: ['zone_id'] },
  object: ({ zone_id }) => `zone:${zone_id}`,
  stream: {
    media: 'application/x-ndjson',
    item: line,
    open: ({ zone_id }, { backups, signal }) => backups.exportZone({ zone_id, signal }),
  },
  run: async ({ tx }, { zone_id }) => {
    const zone = isZoneId(zone_id) ? await findZone(tx, zone_id) : undefined;
    if (zone?.phase === 'Active') return { zone_id };
    throw new Fault('ZONE_NOT_FOUND', `Zone not found: ${zone_id}`, { zone_id });
  },
};

const importing = z.object({
  path: path.describe('file of the own zone that has the export'),
  zone_id: zoneId.optional().describe('the same as it was unless given; a zone that is new'),
});
type Importing = z.infer<typeof importing>;

const imported = z.object({
  zone_id: z.string(),
  from: z.string().describe('zone that was exported'),
  rows: z.number(),
  contents: z.number(),
  keys_left_out: z.number().describe('keys that there are already: a key is of one zone'),
});
type Imported = z.infer<typeof imported>;

const source = z.object({ sha256: z.string(), size: z.number(), inline: z.custom<Uint8Array>().nullable() });

/** Where the bytes of the file are. */
const importSource: Operation<{ path: string }, z.infer<typeof source>> = {
  name: 'zone.import-source',
  summary: 'Find the file that an import reads.',
  effect: 'read',
  who: 'root admin',
  internal: true,
  input: z.object({ path }),
  output: source,
  faults: [],
  run: async (call, input) => {
    const { etag, size, inline } = await getContent(call, input);
    return { sha256: etag ?? '', size, inline };
  },
};

const newBlob = z.object({
  sha256: z.string(),
  size: z.number(),
  utf8: z.boolean(),
  inline: z.custom<Uint8Array>().nullable(),
});

/** Contents that no row names yet: collection finds them where the import does not come to its end. */
const importContents: Operation<{ blobs: z.infer<typeof newBlob>[] }, null> = {
  name: 'zone.import-contents',
  summary: 'Keep small contents that an import is about to name.',
  effect: 'write',
  who: 'root admin',
  internal: true,
  input: z.object({ blobs: z.array(newBlob) }),
  output: z.null(),
  faults: [],
  run: async (call, { blobs }) => {
    await touchBlobs(call.tx, blobs, call.now);
    return null;
  },
};

/** The event of an import, in the zone of the caller as that of a creation is. */
const importEnd: Operation<Imported, null> = {
  name: 'zone.import-end',
  summary: 'Tell that a zone was imported.',
  effect: 'write',
  who: 'root admin',
  internal: true,
  input: imported,
  output: z.null(),
  faults: [],
  object: ({ zone_id }) => `zone:${zone_id}`,
  run: async (call, { zone_id, from, rows }) => {
    call.event({ type: 'zone.created', object: { type: 'zone', id: zone_id }, data: { imported_from: from, rows } });
    return null;
  },
};

export const zoneImport: Operation<Importing, Imported> = {
  name: 'zone.import',
  summary: 'Make a zone of what one was exported as, all at once or not at all.',
  effect: 'write',
  who: 'root admin',
  zone: 'caller',
  input: importing,
  output: imported,
  faults: ['ALREADY_EXISTS', 'BACKUP_DAMAGED', 'CONFLICT', 'FILE_NOT_FOUND', 'UNAVAILABLE'],
  http: { method: 'POST', path: '/api/v2/zones/import', status: 201 },
  cli: { words: 'zone import', args: ['path'] },
  object: ({ path: from }) => from,
  mapPaths: (input, map) => ({ ...input, path: map(input.path) }),
  needs: ({ path: from }) => [{ permission: 'read', path: from }],
  run: async () => ({ zone_id: '', from: '', rows: 0, contents: 0, keys_left_out: 0 }),
  linger: async (_output, streaming, input) => {
    const { path: from, zone_id } = input as Importing;
    const file = await streaming.run(importSource, { path: from });
    const contents: ContentKeeping = {
      reserve: (blobs) => reserve(blobs, streaming),
      keep: async (blobs) => {
        await streaming.run(importContents, { blobs: [...blobs] });
      },
    };
    const made = await streaming.backups.importZone({ file, zone_id, contents, signal: streaming.signal });
    await streaming.run(importEnd, made);
    return made;
  },
};

export const zoneTransferOperations = [zoneExport, zoneImport, importSource, importContents, importEnd] as const;
