/**
 * Who may ask how often (access.md §12). Guarantees: a budget belongs to what was presented, or to the address where
 * nothing was, and never to whom it turned out to be: a dead key takes nothing from strangers, and one key of a user
 * nothing from another. Memory is bounded, and a flood of made-up credentials pushes out no budget of a working one.
 */
import type { Caller, Role } from '../../core/operation.ts';
import type { Budget } from './budget.ts';
import { Budgets } from './budgets.ts';

/** Requests a minute. */
export interface RateTable {
  readonly anonymous: number;
  readonly unknown: number;
  readonly failures: number;
  readonly roles: Readonly<Record<Role, number>>;
}

/** Of the key of an app that says nothing else. */
const APP_PER_MINUTE = 100;

export interface RatesParts {
  readonly table: RateTable;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** What one node gives of a number that all nodes share. */
  readonly share: (perMinute: number) => number;
}

export class Rates {
  readonly now: () => number;
  private readonly parts: RatesParts;
  private table: RateTable;
  private readonly callers = new Budgets();
  private readonly strangers = new Budgets();
  private readonly addresses = new Budgets();
  private readonly failing = new Budgets();

  constructor(parts: RatesParts) {
    this.parts = parts;
    this.table = parts.table;
    this.now = parts.now;
  }

  /** Other numbers, from the next request on. */
  retune(table: RateTable): void {
    this.table = table;
  }

  /** Of a credential that works, by its hash. */
  ofCaller(hash: string, caller: Caller): Budget {
    return this.budget(this.callers, hash, this.perMinuteOf(caller));
  }

  /** Of a credential that does not work, by its hash. */
  ofUnknown(hash: string): Budget {
    return this.budget(this.strangers, hash, this.table.unknown);
  }

  /** Of requests that present nothing. */
  ofAddress(address: string | null): Budget {
    return this.budget(this.addresses, address ?? '', this.table.anonymous);
  }

  /** How many credentials that do not work an address may still present. */
  failuresOf(address: string | null): Budget {
    return this.budget(this.failing, address ?? '', this.table.failures);
  }

  private budget(budgets: Budgets, name: string, perMinute: number): Budget {
    return budgets.of(name, this.parts.share(perMinute), this.now());
  }

  private perMinuteOf({ role, subject_type, rate_limit_per_minute }: Caller): number {
    if (rate_limit_per_minute !== null) return rate_limit_per_minute;
    if (subject_type === 'app') return APP_PER_MINUTE;
    return role === 'none' ? this.table.unknown : this.table.roles[role];
  }
}
