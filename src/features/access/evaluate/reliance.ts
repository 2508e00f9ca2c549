/**
 * What a decision relies on: from when to when it holds, and whether it holds for one context only. Guarantees: within
 * those times, and for that context, the same question at the same revision has the same answer.
 */
import { type Conditions, type Context, conditionsHold, edgesOf, onlyOfTime } from '../conditions/conditions.ts';
import type { Terms } from '../graph/graph.ts';

/** How conditions are taken: as they are in the context, or all as failing, or all as holding. */
export type Mode = 'context' | 'never' | 'always';

export interface Validity {
  /** Milliseconds; it holds from here on, before `until`. */
  readonly from: number;
  readonly until: number;
  /** Conditions were asked that look at more than the time. */
  readonly contextual: boolean;
}

export class Reliance implements Validity {
  from = Number.NEGATIVE_INFINITY;
  until = Number.POSITIVE_INFINITY;
  contextual = false;
  private readonly now: number;
  private readonly contextOf: () => Context;
  private known: Context | undefined;

  /** The context is made when a condition asks for it, which most questions never do. */
  constructor(now: number, contextOf: () => Context) {
    this.now = now;
    this.contextOf = contextOf;
  }

  private get context(): Context {
    this.known ??= this.contextOf();
    return this.known;
  }

  /** Nothing with an end or a condition was met. */
  get none(): boolean {
    return !this.contextual && this.from === Number.NEGATIVE_INFINITY && this.until === Number.POSITIVE_INFINITY;
  }

  /** Does a tuple with these terms count? */
  counts({ expires_at, conditions }: Terms, mode: Mode): boolean {
    if (expires_at !== null) this.edge(expires_at);
    if (expires_at !== null && expires_at <= this.now) return false;
    if (conditions === null || Object.keys(conditions).length === 0) return true;
    return mode === 'context' ? this.holds(conditions) : mode === 'always';
  }

  private holds(conditions: Conditions): boolean {
    // A context whose time is not the call's own is one of its own kind.
    if (!onlyOfTime(conditions) || Date.parse(String(this.context.now)) !== this.now) this.contextual = true;
    for (const edge of edgesOf(conditions)) this.edge(edge);
    return conditionsHold(conditions, this.context);
  }

  private edge(at: number): void {
    if (this.now < at) this.until = Math.min(this.until, at);
    else this.from = Math.max(this.from, at);
  }

  /** Takes over what a part relied on. */
  rely(on: Validity): void {
    this.from = Math.max(this.from, on.from);
    this.until = Math.min(this.until, on.until);
    this.contextual ||= on.contextual;
  }
}
