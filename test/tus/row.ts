/** What a row of the suite is. */
import { strict as assert } from 'node:assert';
import type { TusAnswer, TusClient } from './client.ts';

export interface Row {
  readonly id: string;
  readonly level: 'MUST' | 'SHOULD';
  /** Needed; undefined is the core protocol. */
  readonly extension?: string;
  readonly says: string;
  check(client: TusClient): Promise<void>;
}

/** Rows of an extension. */
export const of = (extension: string, rows: readonly Row[]): readonly Row[] =>
  rows.map((row) => ({ ...row, extension }));

export const statusIs = (answer: TusAnswer, ...wanted: number[]): void =>
  assert(
    wanted.includes(answer.status),
    `${answer.status} instead of ${wanted.join(' or ')}: ${answer.body.slice(0, 200)}`,
  );
