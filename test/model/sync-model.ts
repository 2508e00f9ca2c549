/**
 * A naive mount: what is here, what the store has, and what both had when they last agreed, as three maps from paths to contents.
 * What is not there is not in the map. Guarantee: it knows nothing of fingerprints, rows, attempts or time.
 */
import type { Resolution } from '../../src/features/sync/decide.ts';

type Files = ReadonlyMap<string, string>;

export interface Counts {
  pushed: number;
  pulled: number;
  detected: number;
  resolved: number;
}

export class SyncModel {
  readonly local = new Map<string, string>();
  readonly remote = new Map<string, string>();
  private readonly base = new Map<string, string>();
  /** Changed here since both agreed. */
  readonly pending = new Set<string>();
  /** Conflicts that are open, with the store's content as it was seen. */
  readonly open = new Map<string, string | undefined>();
  /** What conflicts keep of the sides that were replaced. */
  readonly kept: string[] = [];

  change(path: string, content: string | undefined): void {
    if (this.local.get(path) === undefined && content === undefined) return;
    put(this.local, path, content);
    this.pending.add(path);
  }

  changeRemote(path: string, content: string | undefined): void {
    put(this.remote, path, content);
  }

  /** `aside` names a file that is put aside. */
  push(resolution: Resolution | undefined, aside: (path: string) => string): Counts {
    const counts = { pushed: 0, pulled: 0, detected: 0, resolved: 0 };
    for (const path of [...this.pending].sort()) this.one(path, { resolution, aside, counts, sends: true });
    return counts;
  }

  pull(resolution: Resolution | undefined, aside: (path: string) => string): Counts {
    const counts = { pushed: 0, pulled: 0, detected: 0, resolved: 0 };
    for (const path of new Set([...this.local.keys(), ...this.remote.keys()])) {
      if (this.pending.has(path) || this.local.get(path) === this.remote.get(path)) continue;
      put(this.local, path, this.remote.get(path));
      this.agree(path);
      counts.pulled++;
    }
    for (const path of [...this.pending].sort()) this.one(path, { resolution, aside, counts, sends: false });
    return counts;
  }

  private agree(path: string): void {
    put(this.base, path, this.local.get(path));
    this.pending.delete(path);
    this.open.delete(path);
  }

  private one(path: string, how: How): void {
    const { resolution, counts, sends } = how;
    if (this.open.has(path) && resolution === undefined) return;
    const [ours, theirs, base] = [this.local.get(path), this.remote.get(path), this.base.get(path)];
    if (ours === theirs) this.agree(path);
    else if (theirs === base && sends) {
      put(this.remote, path, ours);
      counts.pushed++;
      this.agree(path);
    } else if (ours === base) {
      put(this.local, path, theirs);
      if (!sends) counts.pulled++;
      this.agree(path);
    } else if (theirs !== base) {
      if (!this.open.has(path) || this.open.get(path) !== theirs) counts.detected++;
      this.open.set(path, theirs);
      if (resolution !== undefined) this.resolve(path, how);
    }
  }

  private resolve(path: string, { resolution, aside, counts, sends }: How): void {
    const [ours, theirs] = [this.local.get(path), this.remote.get(path)];
    counts.resolved++;
    const push = resolution === 'keep_local' || (resolution === 'keep_both' && theirs === undefined);
    const lost = push ? theirs : resolution === 'keep_remote' ? ours : undefined;
    if (lost !== undefined) this.kept.push(lost);
    put(push ? this.remote : this.local, path, push ? ours : theirs);
    this.agree(path);
    if (push || ours === undefined || resolution === 'keep_remote') return;
    const name = aside(path);
    this.change(name, ours);
    if (sends) this.one(name, { resolution: undefined, aside, counts, sends });
  }
}

interface How {
  readonly resolution: Resolution | undefined;
  readonly aside: (path: string) => string;
  readonly counts: Counts;
  readonly sends: boolean;
}

function put(files: Map<string, string>, path: string, content: string | undefined): void {
  if (content === undefined) files.delete(path);
  else files.set(path, content);
}

/** Contents at their paths, as a list that can be compared. */
export const listed = (files: Files): (readonly [string, string])[] => [...files].sort(([a], [b]) => (a < b ? -1 : 1));
