/**
 * The order that makes an acknowledged write durable, asked of a trace of system calls: the bytes of a blob are synced
 * before it gets its name, its name before a state says it, the WAL's bytes with the commit before the answer is sent.
 */
import { dirname, join } from 'node:path';
import type { SystemCall } from './strace.ts';

/** A write that the server acknowledged. */
export interface Answered {
  /** Request id: in the rows of its event and audit, and in the head of its answer. */
  readonly id: string;
  /** Hash of its content, if that went into a blob file. */
  readonly blob?: string;
}

/** What is missing in the order of each write, one line each. */
export function outOfOrder(calls: readonly SystemCall[], directory: string, answered: readonly Answered[]): string[] {
  const look = lookAt(calls, directory);
  return answered.flatMap((write) => lacking(look, write).map((what) => `${write.id}: ${what}`));
}

/** Those of the writes whose commit went into the WAL, of which no sync succeeded afterwards. */
export function unsynced<W extends Answered>(
  calls: readonly SystemCall[],
  directory: string,
  writes: readonly W[],
): W[] {
  const look = lookAt(calls, directory);
  return writes.filter(({ id }) => {
    const commit = transactionOf(look, id)?.commit;
    return commit !== undefined && !look.walSyncs.some((sync) => isOver(commit, sync));
  });
}

function lookAt(calls: readonly SystemCall[], directory: string): Look {
  const wal = calls.filter(({ paths }) => paths[0] === join(directory, 'nexus.db-wal'));
  return { calls, directory, frames: framesOf(wal), walSyncs: wal.filter(isSync) };
}

/** A page in the WAL, written after its head of 24 bytes. */
interface Frame {
  readonly page: SystemCall;
  /** The last one of its transaction: a reader of the WAL takes all up to here (sqlite.org/walformat.html). */
  readonly commits: boolean;
}

interface Look {
  readonly calls: readonly SystemCall[];
  readonly directory: string;
  readonly frames: readonly Frame[];
  readonly walSyncs: readonly SystemCall[];
}

const FRAME_HEAD_BYTES = 24;
const PAGES_AFTER_COMMIT_AT = 4;
/** What stands before the request id in such a note, as a row and as the JSON that rows are made of. */
const KEY_USE = /auth_success\W*read\W*allowed\W*(null\W*)?rpc\W*(null\W*)?/;

const isSync = ({ name, result }: SystemCall): boolean => (name === 'fsync' || name === 'fdatasync') && result === 0;
const isOver = (first: SystemCall, second: SystemCall): boolean => first.ended < second.began;

function framesOf(wal: readonly SystemCall[]): Frame[] {
  const written = wal.filter(({ name }) => name === 'pwrite64');
  return written.flatMap((page, i) => {
    const head = written[i - 1];
    if (page.bytes.length <= 32 || head?.bytes.length !== FRAME_HEAD_BYTES) return [];
    return [{ page, commits: head.bytes.readUInt32BE(PAGES_AFTER_COMMIT_AT) > 0 }];
  });
}

/**
 * The transaction that first wrote a text into the WAL: its first page with the text, and its commit. The note that a key
 * was used is none: it has the request id of some call, and is written apart from it.
 */
function transactionOf(look: Look, text: string): { first: SystemCall; commit: SystemCall | undefined } | undefined {
  const from = look.frames.findIndex(({ page }) => {
    const said = page.bytes.includes(text) ? page.bytes.toString('latin1') : '';
    return said.replaceAll(new RegExp(`${KEY_USE.source}${text.replaceAll('.', '\\.')}`, 'g'), '').includes(text);
  });
  const first = look.frames[from]?.page;
  if (!first) return undefined;
  return { first, commit: look.frames.slice(from).find(({ commits }) => commits)?.page };
}

function lacking(look: Look, { id, blob }: Answered): string[] {
  const answer = look.calls.find(({ paths, bytes }) => paths[0]?.startsWith('socket:') && bytes.includes(id));
  if (!answer) return ['no answer was sent'];
  const transaction = transactionOf(look, id);
  if (!transaction?.commit) return ['its commit is not in the WAL'];
  const found = isSynced(look, transaction.commit, answer) ? [] : ['answered before the WAL was synced'];
  return blob === undefined ? found : [...found, ...lackingBlob(look, blob, transaction.first)];
}

const isSynced = ({ walSyncs }: Look, commit: SystemCall, before: SystemCall): boolean =>
  walSyncs.some((sync) => isOver(commit, sync) && isOver(sync, before));

/** `state`: the first page of the WAL that says the blob's name for a file. */
function lackingBlob(look: Look, hash: string, state: SystemCall): string[] {
  const { calls, directory } = look;
  const folder = join(directory, 'blobs', hash.slice(0, 2), hash.slice(2, 4));
  const named = calls.find(({ name, paths }) => name === 'rename' && paths[1] === join(folder, hash));
  if (!named) return ['its blob file got no name'];
  const unfinished = calls.filter(({ paths }) => paths[0] === named.paths[0]);
  const bytes = unfinished.filter(({ name }) => name === 'write' || name === 'pwrite64');
  const last = bytes.at(-1);
  const first = bytes[0];
  const syncs = calls.filter(isSync);
  const found: string[] = [];
  if (!first || !last || !unfinished.some((sync) => isSync(sync) && isOver(last, sync) && isOver(sync, named))) {
    found.push('its blob file got its name before its bytes were synced');
  }
  const isFolderSynced = (path: string, after: SystemCall): boolean =>
    syncs.some((sync) => sync.paths[0] === path && isOver(after, sync) && isOver(sync, state));
  if (!isFolderSynced(folder, named)) found.push('a state names its blob before the folder was synced');
  for (const path of [folder, dirname(folder)]) {
    const made = calls.find(({ name, paths, result }) => name === 'mkdir' && paths[0] === path && result === 0);
    if (made && !isFolderSynced(dirname(path), made)) found.push(`a state names its blob before ${path} was synced`);
  }
  const reserved = transactionOf(look, hash)?.commit;
  if (!reserved || !first || !isSynced(look, reserved, first))
    found.push('its bytes were written before its row was synced');
  return found;
}
