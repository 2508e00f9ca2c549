/**
 * Budgets by name, as many as fit. Guarantees: one that is used is found again; one that was idle for two minutes, and is
 * full by then, is forgotten; there are never more than twice {@link NAMES_MOST}.
 */
import { Budget, MINUTE_MS } from './budget.ts';

/** Names of one minute. A name takes about 600 bytes. */
export const NAMES_MOST = 10_000;

/** Two generations: what was used in this minute, and what was used in the one before and not since. */
export class Budgets {
  private young = new Map<string, Budget>();
  private old = new Map<string, Budget>();
  private turnedAt = 0;

  get size(): number {
    return this.young.size + this.old.size;
  }

  /** The budget of a name, with so many requests a minute from now on. */
  of(name: string, perMinute: number, now: number): Budget {
    if (now - this.turnedAt >= MINUTE_MS || this.young.size >= NAMES_MOST) this.turn(now);
    let budget = this.young.get(name);
    if (!budget) {
      budget = this.old.get(name) ?? new Budget();
      this.old.delete(name);
      this.young.set(name, budget);
    }
    budget.allow(perMinute, now);
    return budget;
  }

  private turn(now: number): void {
    this.old = now - this.turnedAt >= 2 * MINUTE_MS ? new Map() : this.young;
    this.young = new Map();
    this.turnedAt = now;
  }
}
