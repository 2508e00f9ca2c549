/**
 * What the writes of a lane may go by before the server has answered: the row that the last one of this node kept. Whoever
 * goes by it has it compared in the same transaction, so a guess saves a round trip and decides nothing. Guarantee: where
 * other nodes write in the same lane, guesses that fail become rare.
 */
import type { SqlValue, Statement } from '../../ports/sql.ts';

/** A row as a write left it. Its properties are columns of its table. */
export interface Left {
  readonly table: string;
  readonly key: string;
  readonly row: object;
}

const LANES_MAX = 1_000;
/** Milliseconds without a guess behind one that failed, doubled each time up to the second, and less for each that was right. */
const REST_MS = 1_000;
const REST_MS_MAX = 60_000;
const EASE = 1.1;

interface Lane {
  left: Left | undefined;
  /** Of the monotonic clock, in milliseconds. */
  restsUntil: number;
  restMs: number;
}

export class Guesses {
  readonly #lanes = new Map<string, Lane>();

  /** What the next write of the lane may go by. */
  of(lane: string): Left | undefined {
    const known = this.#lanes.get(lane);
    return known && performance.now() >= known.restsUntil ? known.left : undefined;
  }

  /** A batch has committed, and its last write left this; undefined: the row of before. */
  committed(lane: string, left: Left | undefined): void {
    if (!left) return;
    const known = this.#lanes.get(lane);
    if (known) known.left = left;
    else this.#add(lane, { left, restsUntil: 0, restMs: REST_MS });
  }

  /** What became of a batch is not known, or it was undone. */
  forget(lane: string): void {
    const known = this.#lanes.get(lane);
    if (known) known.left = undefined;
  }

  confirmed(lane: string): void {
    const known = this.#lanes.get(lane);
    if (known) known.restMs = Math.max(REST_MS, known.restMs / EASE);
  }

  failed(lane: string): void {
    const known = this.#lanes.get(lane);
    if (!known) return;
    known.left = undefined;
    known.restsUntil = performance.now() + known.restMs;
    known.restMs = Math.min(REST_MS_MAX, 2 * known.restMs);
  }

  #add(lane: string, known: Lane): void {
    this.#lanes.set(lane, known);
    const [oldest] = this.#lanes.keys();
    if (this.#lanes.size > LANES_MAX && oldest !== undefined) this.#lanes.delete(oldest);
  }
}

/** By table and the columns that hold something; a table has few of those. */
const comparing = new Map<string, string>();

/** Gives a row, locked, if it still is what it was. */
export function stillIs({ table, row }: Left): Statement {
  const columns = Object.entries(row as Readonly<Record<string, SqlValue>>);
  const shape = `${table} ${columns.map(([name, value]) => (value === null ? `${name}-` : name))}`;
  const sql = comparing.get(shape) ?? comparisonOf(table, columns);
  comparing.set(shape, sql);
  return { sql, params: columns.flatMap(([, value]) => (value === null ? [] : [value])) };
}

function comparisonOf(table: string, columns: readonly (readonly [string, SqlValue])[]): string {
  const terms = columns.map(([name, value]) => (value === null ? `${name} IS NULL` : `${name} = ?`));
  return `SELECT 1 AS one FROM ${table} WHERE ${terms.join(' AND ')} FOR UPDATE`;
}

/** Fails unless a query gives a row: a division by none of them. */
export const insist = (sql: string): string => `SELECT 1 / COUNT(*) AS there FROM (${sql}) AS supposed`;
