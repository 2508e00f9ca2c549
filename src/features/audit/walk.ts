/**
 * A walk along the chain of one log. Guarantees: every row that was changed, is missing, was inserted or moved without a key
 * is named by its number, as far as the rows that are left allow; a row is proven by the one before it, so behind a gap
 * one row is unproven, and behind a row whose hash was replaced too, the next one counts as changed.
 */
import type { AuditKeys } from '../../core/call/audit-row.ts';
import { type LogName, rowHash } from './chain.ts';

/** A row as it is stored. */
export interface StoredLine {
  readonly n: number;
  readonly hash: string;
  readonly line: string;
}

/** `former key`: nothing was written under the present key yet, so what an earlier key proves is all there is. */
export type ProblemKind = 'changed' | 'missing' | 'inserted' | 'moved' | 'unproven' | 'checkpoint' | 'former key';

export interface Problem {
  readonly problem: ProblemKind;
  /** The first row, and the last, that it is about. */
  readonly n: number;
  readonly to: number;
  readonly text: string;
}

/** A row, or the first and the last of several. */
export type Span = number | readonly [number, number];

export interface End {
  readonly n: number;
  readonly hash: string;
}

export interface WalkOf {
  readonly log: LogName;
  readonly zone_id: string;
  readonly keys: AuditKeys;
  /** What the first row goes on from. */
  readonly from: End;
}

/** Rows that are looked at for one that is not in its place. */
const WINDOW = 64;
/** Problems that are told one by one; behind them rows that were moved are not looked for either. */
const TOLD_MOST = 1_000;

export class Walk {
  /** The first of them. */
  readonly problems: Problem[] = [];
  /** How many there are. */
  found = 0;
  /** Rows that are in their place and as they were written. */
  proven = 0;
  private readonly of: WalkOf;
  private readonly window: StoredLine[] = [];
  /** Place and hash of the row before the next one. */
  private end: End;
  /** Index of the key that proved the row before; later rows have it or a newer one. */
  private key: number;

  constructor(of: WalkOf) {
    this.of = of;
    this.end = of.from;
    this.key = of.keys.length - 1;
  }

  /** The next row in the order of numbers. */
  add(row: StoredLine): void {
    this.window.push(row);
    if (this.window.length >= WINDOW) this.step();
  }

  /** After the last row of a part of the log. */
  closeSlice(): void {
    while (this.window.length > 0) this.step();
  }

  /** Where the chain ends, after all rows. */
  close(): End {
    this.closeSlice();
    if (this.proven > 0 && this.key > 0) {
      this.tell(
        'former key',
        this.end.n,
        'no row was written under the present key yet: start the server with it once',
      );
    }
    return this.end;
  }

  tell(problem: ProblemKind, rows: Span, text: string): void {
    const [n, to] = typeof rows === 'number' ? [rows, rows] : rows;
    this.found++;
    if (this.problems.length < TOLD_MOST) this.problems.push({ problem, n, to, text });
  }

  /** Finds the row of the next place, or what is wrong with that. */
  private step(): void {
    const [first] = this.window;
    if (!first) return;
    const place = this.end.n + 1;
    if (this.take(0, place) || this.takeMoved(place)) return;
    if (first.n > place) this.miss(place, first);
    else if (first.n === place) {
      this.tell('changed', place, `row ${place} is not as it was written`);
      this.goOn(first);
    } else {
      this.window.shift();
      this.tell('inserted', first.n, `row ${first.n} was never written`);
    }
  }

  /** Is this row of the window the one of the place? */
  private take(at: number, place: number): boolean {
    const row = this.window[at];
    if (!row) return false;
    const { log, zone_id, keys } = this.of;
    for (let i = this.key; i >= 0; i--) {
      const hash = rowHash(keys[i] ?? '', { log, zone_id, n: place }, { before: this.end.hash, line: row.line });
      if (hash !== row.hash) continue;
      this.key = i;
      if (row.n === place) this.proven++;
      else this.tell('moved', place, `row ${place} stands at ${row.n}`);
      this.window.splice(at, 1);
      this.end = { n: place, hash };
      return true;
    }
    return false;
  }

  private takeMoved(place: number): boolean {
    if (this.found >= TOLD_MOST) return false;
    return this.window.some((_row, at) => at > 0 && this.take(at, place));
  }

  private miss(place: number, next: StoredLine): void {
    const to = next.n - 1;
    const what = place === to ? `row ${place} is missing` : `rows ${place} to ${to} are missing`;
    this.tell('missing', [place, to], what);
    this.tell('unproven', next.n, `row ${next.n} is what the missing ones would prove`);
    this.goOn(next);
  }

  /** The rows behind this one go on from what it says of itself. */
  private goOn(row: StoredLine): void {
    this.window.shift();
    this.end = { n: row.n, hash: row.hash };
  }
}
