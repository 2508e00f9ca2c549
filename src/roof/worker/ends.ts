/**
 * What a worker has still to tell the database of: attempts that ended, by zone. Guarantees: each is kept until it was taken. Those of
 * one zone are told together; where they are refused for what no later try mends, they are told one at a time and with nothing
 * beside, so one that can never be taken keeps no other: that attempt is then told as failed, and if not even that is taken it is
 * left to its lease.
 */
import { Fault } from '../../base/faults.ts';
import type { Outcome } from '../../features/jobs/job.ts';
import type { Ended } from './runs.ts';

/** What is told in one transaction; `alone`: it claims nothing beside. */
export interface Telling {
  readonly ends: readonly Ended[];
  readonly alone: boolean;
}

/** An error that is no fault is a defect, which is there the next time too. */
const isForGood = (thrown: unknown): boolean => !(thrown instanceof Fault) || thrown.row.retry === 'no';

export class Ends {
  private readonly waiting = new Map<string, Ended[]>();
  private readonly apart = new Set<string>();
  /** Told as failed because what they gave was not taken. */
  private readonly replaced = new WeakSet<Ended>();
  private readonly failureOf: (ended: Ended, thrown: unknown) => Outcome;

  /** `failureOf`: what is told of an attempt whose outcome the database does not take. */
  constructor(failureOf: (ended: Ended, thrown: unknown) => Outcome) {
    this.failureOf = failureOf;
  }

  get size(): number {
    return this.waiting.size;
  }

  get zones(): Iterable<string> {
    return this.waiting.keys();
  }

  add(zone_id: string, ended: readonly Ended[]): void {
    if (ended.length > 0) this.waiting.set(zone_id, [...(this.waiting.get(zone_id) ?? []), ...ended]);
  }

  take(zone_id: string): Telling {
    const all = this.waiting.get(zone_id) ?? [];
    const alone = this.apart.has(zone_id) && all.length > 0;
    const ends = alone ? all.slice(0, 1) : all;
    this.replace(zone_id, all.slice(ends.length));
    if (!this.waiting.has(zone_id)) this.apart.delete(zone_id);
    return { ends, alone };
  }

  /** They are told again, as they are or as failed. Gives those that are told no more. */
  refused(zone_id: string, { ends, alone }: Telling, thrown: unknown): readonly Ended[] {
    const [first] = ends;
    if (!first) return [];
    const isForIt = isForGood(thrown);
    if (isForIt) this.apart.add(zone_id);
    const isBlamed = isForIt && alone;
    if (isBlamed && this.replaced.has(first)) return ends;
    // Telling it twice is harmless: only the attempt in hand is ended.
    const again = isBlamed ? [this.asFailed(first, thrown)] : ends;
    this.replace(zone_id, [...again, ...(this.waiting.get(zone_id) ?? [])]);
    return [];
  }

  private asFailed(ended: Ended, thrown: unknown): Ended {
    const failed = { ...ended, outcome: this.failureOf(ended, thrown) };
    this.replaced.add(failed);
    return failed;
  }

  private replace(zone_id: string, ended: readonly Ended[]): void {
    this.waiting.delete(zone_id);
    this.add(zone_id, ended);
  }
}
