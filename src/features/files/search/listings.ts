/**
 * Listings that one thread keeps between searches. Guarantees: a listing is used only at the revision of the zone at
 * which it was read, so that it is what the database would say; what is kept is bounded.
 */
import type { Call, Thread } from '../../../core/operation.ts';
import type { View } from '../view.ts';
import { type FoundFile, type Scope, scanFiles, scanPaths } from './scan.sql.ts';

/** Entries of all listings of a thread, some 150 bytes each. */
const ENTRIES_MAX = 200_000;

interface Listing<T> {
  readonly seq: number;
  readonly entries: readonly T[];
}

/** The oldest go first. */
class Listings<T> {
  private readonly kept = new Map<string, Listing<T>>();
  private size = 0;

  async of(key: string, seq: number, read: () => Promise<readonly T[]>): Promise<readonly T[]> {
    const known = this.kept.get(key);
    if (known?.seq === seq) return known.entries;
    const entries = await read();
    this.drop(key);
    this.kept.set(key, { seq, entries });
    this.size += entries.length;
    for (const oldest of this.kept.keys()) {
      if (this.size <= ENTRIES_MAX) break;
      this.drop(oldest);
    }
    return entries;
  }

  private drop(key: string): void {
    this.size -= this.kept.get(key)?.entries.length ?? 0;
    this.kept.delete(key);
  }
}

interface Kept {
  readonly paths: Listings<string>;
  readonly files: Listings<FoundFile>;
}

const threads = new WeakMap<Thread, Kept>();

function keptIn(thread: Thread): Kept {
  const known = threads.get(thread);
  if (known) return known;
  const made: Kept = { paths: new Listings(), files: new Listings() };
  threads.set(thread, made);
  return made;
}

interface Place {
  readonly scope: Scope;
  readonly from: string;
}

/** The first paths of a scope, see {@link scanPaths}. */
export function listPaths(call: Call, view: View, at: Place): Promise<readonly string[]> {
  const read = (): Promise<string[]> => scanPaths(call.tx, view, at);
  const key = keyOf(view, at);
  return key === undefined ? read() : keptIn(call.thread).paths.of(key, call.zone.seq, read);
}

/** The first files of a scope, see {@link scanFiles}. */
export function listFiles(call: Call, view: View, at: Place): Promise<readonly FoundFile[]> {
  const read = (): Promise<FoundFile[]> => scanFiles(call.tx, view, at);
  const key = keyOf(view, at);
  return key === undefined ? read() : keptIn(call.thread).files.of(key, call.zone.seq, read);
}

/** Undefined for what is not kept: parts of a folder differ from caller to caller. */
function keyOf(view: View, { scope, from }: Place): string | undefined {
  if (scope.roots !== null) return undefined;
  return JSON.stringify([view.zone_id, view.layers, scope.folder, scope.files, from]);
}
