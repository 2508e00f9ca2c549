/**
 * What one thread keeps of decisions: the graphs of zones, and of callers the paths they may read or write. Guarantees: a
 * set is given only at the revisions it was made at, within its times, and in the same context if it looked at that; memory
 * is bounded, the oldest goes first.
 */
import type { PathSet } from '../../core/call/access.ts';
import type { Validity } from './evaluate/reliance.ts';
import { ZoneGraphs } from './graph/zone-graphs.ts';

/** Counts of answers. */
interface ByCache {
  cached: number;
  read: number;
}

export interface Decisions {
  readonly allowed: ByCache;
  readonly denied: ByCache;
}

/** Where and when a set is asked for. */
interface At {
  /** Access revisions of the zones it is made of. */
  readonly revisions: string;
  readonly now: number;
  readonly context: string;
}

interface Kept extends At {
  readonly set: PathSet;
  readonly validity: Validity;
}

/** Tuples in the graphs of one thread. */
const TUPLES_KEPT = 2_000_000;

export class GrantCache {
  /** Questions about a path that were answered, by whether the tuples were known. */
  readonly decisions: Decisions = { allowed: { cached: 0, read: 0 }, denied: { cached: 0, read: 0 } };
  readonly graphs: ZoneGraphs;
  hits = 0;
  misses = 0;
  sets = 0;
  /** Sets that a change of access ended. */
  invalidations = 0;
  private readonly entries = new Map<string, Kept>();
  private readonly most: number;

  /** `most` sets of paths are kept; 0 switches all keeping off, and every decision is then a miss. */
  constructor(most = 10_000) {
    this.most = most;
    this.graphs = new ZoneGraphs(most === 0 ? 0 : TUPLES_KEPT);
  }

  get size(): number {
    return this.entries.size;
  }

  find(key: string, at: At): PathSet | undefined {
    const entry = this.entries.get(key);
    if (!entry) return undefined;
    if (entry.revisions !== at.revisions) {
      this.entries.delete(key);
      this.invalidations++;
      return undefined;
    }
    const { validity } = entry;
    if (at.now < validity.from || at.now >= validity.until) return undefined;
    if (validity.contextual && entry.context !== at.context) return undefined;
    this.hits++;
    return entry.set;
  }

  keep(key: string, kept: Kept): void {
    if (this.most === 0) return;
    if (this.entries.size >= this.most) {
      const oldest = this.entries.keys().next();
      if (!oldest.done) this.entries.delete(oldest.value);
    }
    this.entries.delete(key);
    this.entries.set(key, kept);
    this.sets++;
  }

  forget(): void {
    this.invalidations += this.entries.size;
    this.entries.clear();
    this.graphs.forget();
  }

  /** Counts an answer, and gives it. */
  decided(allowed: boolean, cached: boolean): boolean {
    this.decisions[allowed ? 'allowed' : 'denied'][cached ? 'cached' : 'read']++;
    return allowed;
  }

  /** The set, whose answers are counted. */
  counting(set: PathSet, cached: boolean): PathSet {
    return {
      everything: set.everything,
      roots: set.roots,
      has: (path) => this.decided(set.has(path), cached),
      touches: (path) => this.decided(set.touches(path), cached),
    };
  }
}
