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

export const header = (answer: TusAnswer, name: string): string => String(answer.headers[name] ?? '');

/** Tries again until it holds, for at most five seconds. */
export async function eventually(holds: () => Promise<void>): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      return await holds();
    } catch (thrown) {
      if (tries >= 100) throw thrown;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
