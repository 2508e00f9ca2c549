/**
 * The directory of an embedded server. Guarantees: one server at a time has it, by a lock that the operating system
 * drops with the process, so a dead one never stands in the way; nobody but its owner may enter it; it lies on a file
 * system whose locks and syncs can be relied on; its name is on disk before anything in it is acknowledged. Other
 * processes of the machine may use the database in it meanwhile: the lock is on the place, not on the data.
 */
import { chmodSync, closeSync, fsyncSync, openSync, readdirSync, statfsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { makeFolders } from '../folders.ts';
import { isBusy, openFile } from './connection.ts';

/** A place that is held until it is released, or the process ends. */
export interface Claim {
  release(): void;
}

const LOCK = 'server.lock';

/** File systems of other machines, or of several, by the magic numbers of Linux (statfs(2), linux/magic.h). */
const NETWORK: Readonly<Record<number, string>> = {
  26985: 'NFS',
  20859: 'SMB',
  4266872130: 'SMB',
  4283649346: 'CIFS',
  16914839: '9P',
  1397113167: 'AFS',
  1799439955: 'AFS',
  1937076805: 'Coda',
  12805120: 'Ceph',
  198183888: 'Lustre',
  1196443219: 'GPFS',
  428016422: 'BeeGFS',
  18225520: 'GFS2',
  1952539503: 'OCFS2',
};

/** The network file system that the type of statfs(2) stands for; undefined for one of this machine alone. */
export const networkKind = (type: number): string | undefined => NETWORK[type >>> 0];

/** Makes the directory if it is missing and takes it; throws an Error that says what is wrong with it and what to do. */
export function claimDirectory(directory: string): Claim {
  const path = resolve(directory);
  makeDurably(path);
  refuseNetwork(path);
  keepPrivate(path);
  return lock(path);
}

function makeDurably(path: string): void {
  const first = makeFolders(path);
  if (first === undefined) return;
  for (let made = path; ; made = dirname(made)) {
    const parent = openSync(dirname(made), 'r');
    try {
      fsyncSync(parent);
    } finally {
      closeSync(parent);
    }
    if (made === first) return;
  }
}

function refuseNetwork(path: string): void {
  const kind = process.platform === 'linux' ? networkKind(statfsSync(path).type) : undefined;
  if (kind === undefined) return;
  throw new Error(
    `${path} lies on ${kind}, where locks and syncs cannot be relied on: choose a local directory (--data or NEXUS_DATA_DIR), or PostgreSQL (NEXUS_DATABASE_URL)`,
  );
}

/** A directory that others may enter is closed to them, unless it holds more than a server's data. */
function keepPrivate(path: string): void {
  const { mode, uid } = statSync(path);
  if ((mode & 0o077) === 0) return;
  const names = readdirSync(path);
  const own = process.getuid === undefined || [0, uid].includes(process.getuid());
  if (!own || (names.length > 0 && !names.includes(LOCK))) {
    throw new Error(
      `${path} can be entered by other users and is not the server's alone: choose another directory (--data or NEXUS_DATA_DIR), or chmod 700 it`,
    );
  }
  chmodSync(path, 0o700);
}

/** SQLite's own lock on an empty file: no dependency, and the operating system forgets it with the process. */
function lock(path: string): Claim {
  const db = openFile(join(path, LOCK));
  try {
    db.exec('BEGIN EXCLUSIVE');
  } catch (thrown) {
    db.close();
    if (!isBusy(thrown)) throw thrown;
    throw new Error(`another server runs on ${path}: stop it, or choose another directory (--data or NEXUS_DATA_DIR)`, {
      cause: thrown,
    });
  }
  return { release: () => db.close() };
}
