/**
 * `nexus serve --init` (access.md §3): the zones `corp` and `corp-eng`, and a file with the address and an admin key.
 * Guarantees: repeating it changes nothing while the key in the file works; the file is readable by its owner only and
 * is never seen half written.
 */
import { chmod, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Fault } from '../base/faults.ts';
import { newRequestId } from '../base/ids.ts';
import { unlessMissing } from '../base/system-error.ts';
import { invoke } from '../core/invoke.ts';
import { getOperation } from '../core/operations.ts';
import type { Server } from '../core/server.ts';
import { systemClock } from '../engines/process/system-clock.ts';
import { authenticateKey, isRootAdmin, SYSTEM } from '../features/access/credentials.ts';
import { setInitKey } from '../features/access/housekeeping.operations.ts';
import { newKeyText } from '../features/access/key-text.ts';
import { systemSteps } from './system.ts';

export interface Initialising {
  readonly server: Server;
  readonly url: string;
  /** Text of the admin key, where this start made it. */
  readonly adminKey: string | undefined;
  /** NEXUS_BOOTSTRAP_ADMIN_KEY; empty where it is not set. */
  readonly bootstrapKey: string;
  /** The working directory. */
  readonly directory: string;
}

export interface Initialised {
  readonly file: string;
  /** False where the file that was there stays. */
  readonly written: boolean;
}

const ENV_FILE = '.nexus-admin-env';
const ZONES = ['corp', 'corp-eng'];

export async function initialise(options: Initialising): Promise<Initialised> {
  for (const zone_id of ZONES) await ensureZone(options.server, zone_id);
  const file = join(options.directory, ENV_FILE);
  const known = await keyIn(file);
  if (known !== undefined && (await isAdminKey(options, known))) return { file, written: false };
  const { bootstrapKey, adminKey } = options;
  const given = bootstrapKey === '' ? adminKey : bootstrapKey;
  const text = given ?? newKeyText('root', 'admin');
  await systemSteps(options.server.runner)(setInitKey, 'root', { text, create: given === undefined });
  await writeEnv(file, `export NEXUS_URL=${options.url}\nexport NEXUS_API_KEY=${text}\n`);
  return { file, written: true };
}

async function ensureZone(server: Server, zone_id: string): Promise<void> {
  const request = {
    caller: SYSTEM,
    channel: 'internal' as const,
    request_id: newRequestId(),
    address: null,
    zone_id: undefined,
    tolerant: false,
  };
  try {
    await invoke(server, getOperation('zone.create'), { raw: { zone_id, name: zone_id }, request });
  } catch (thrown) {
    if (!(thrown instanceof Fault && thrown.code === 'ALREADY_EXISTS')) throw thrown;
  }
}

/** The key that the file holds; undefined where there is no such file, or none in it. */
async function keyIn(file: string): Promise<string | undefined> {
  const text = await readFile(file, 'utf8').catch(unlessMissing);
  return text === undefined ? undefined : /^export NEXUS_API_KEY=(\S+)$/m.exec(text)?.[1];
}

async function isAdminKey({ server }: Initialising, text: string): Promise<boolean> {
  const caller = await server.sql.read((tx) => authenticateKey(tx, text, systemClock.now()));
  return caller !== undefined && isRootAdmin(caller);
}

async function writeEnv(file: string, text: string): Promise<void> {
  const fresh = `${file}.new`;
  await writeFile(fresh, text, { mode: 0o600 });
  // The mode of a file that was left there stays; this one is for the owner only.
  await chmod(fresh, 0o600);
  await rename(fresh, file);
}
