/** The first answers of calls that came with a key. */
import type { Tx } from '../../ports/sql.ts';

export interface AnswerRow {
  readonly zone_id: string;
  readonly call_id: string;
  readonly operation: string;
  readonly asked: string;
  /** JSON; null where it is not kept. */
  readonly answer: string | null;
  /** JSON: what has to be so of whoever asks again. */
  readonly allowed: string | null;
  readonly answered_at: number;
}

export type Answered = Pick<AnswerRow, 'asked' | 'answer' | 'allowed'>;

interface Named {
  readonly zone_id: string;
  readonly call_id: string;
  /** What is older counts no more. */
  readonly since: number;
}

export const findAnswer = (tx: Tx, { zone_id, call_id, since }: Named): Promise<Answered | undefined> =>
  tx.get<Answered>(
    'SELECT asked, answer, allowed FROM answers WHERE zone_id = ? AND call_id = ? AND answered_at >= ?',
    [zone_id, call_id, since],
  );

/** Takes the place of one that counts no more. */
export const keepAnswer = (tx: Tx, row: AnswerRow): Promise<number> =>
  tx.run(
    `INSERT INTO answers (zone_id, call_id, operation, asked, answer, allowed, answered_at) VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (zone_id, call_id) DO UPDATE SET
       asked = excluded.asked, answer = excluded.answer, allowed = excluded.allowed, answered_at = excluded.answered_at`,
    [row.zone_id, row.call_id, row.operation, row.asked, row.answer, row.allowed, row.answered_at],
  );

export const removeAnswersBefore = (tx: Tx, before: number, limit: number): Promise<number> =>
  tx.run(
    `DELETE FROM answers WHERE (zone_id, call_id) IN
       (SELECT zone_id, call_id FROM answers WHERE answered_at < ? LIMIT ?)`,
    [before, limit],
  );

export const removeAnswersIn = (tx: Tx, zone_id: string, rows: number): Promise<number> =>
  tx.run(
    'DELETE FROM answers WHERE zone_id = ? AND call_id IN (SELECT call_id FROM answers WHERE zone_id = ? LIMIT ?)',
    [zone_id, zone_id, rows],
  );
