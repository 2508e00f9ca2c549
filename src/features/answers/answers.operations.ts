/**
 * What is remembered of calls that came with an `Idempotency-Key` (workflows.md §1.3); no door reaches these steps.
 * Guarantees: an answer is kept in the transaction of the change that it tells of, so there is never one without the other; it
 * counts for a day.
 */
import { z } from 'zod';
import { Fault } from '../../base/faults.ts';
import { type Limits, limitExceeded } from '../../base/limits.ts';
import type { CallContext, Operation } from '../../core/operation.ts';
import type { Tx } from '../../ports/sql.ts';
import { rowFinalizer } from '../zones/sweep.operations.ts';
import { findAnswer, keepAnswer, removeAnswersBefore, removeAnswersIn } from './answers.sql.ts';

const KEPT_MS = 24 * 60 * 60 * 1000;
/** Why a transaction broke off: the call was answered before, perhaps a moment ago. */
export const ANSWERED = 'ANSWERED';

const named = z.object({ call_id: z.string() });
const answered = z.object({ asked: z.string(), answer: z.string().nullable() });

/** How a call of the zone was answered, if it was. */
export const readAnswer: Operation<z.infer<typeof named>, z.infer<typeof answered> | null> = {
  name: 'answer.read',
  summary: 'Give the first answer of a call that is asked for again.',
  effect: 'read',
  who: 'public',
  internal: true,
  anyZone: 'even none',
  input: named,
  output: answered.nullable(),
  faults: [],
  run: async ({ tx, context: { zone_id }, now }, { call_id }) =>
    (await findAnswer(tx, { zone_id, call_id, since: now - KEPT_MS })) ?? null,
};

/** Throws where the call was answered before. */
export async function refuseAnswered(tx: Tx, { zone_id, repeat }: CallContext, now: number): Promise<void> {
  if (!repeat || !(await findAnswer(tx, { zone_id, call_id: repeat.call_id, since: now - KEPT_MS }))) return;
  throw new Fault('CONFLICT', 'This call was answered before', { reason: ANSWERED });
}

interface Answering {
  readonly context: CallContext;
  readonly operation: { readonly name: string; readonly repeats?: 'own' | 'refused' };
  readonly output: unknown;
  readonly now: number;
  readonly limits: Limits;
}

/** Keeps the answer of a call that may be asked for again. */
export async function rememberAnswer(tx: Tx, { context, operation, output, now, limits }: Answering): Promise<void> {
  if (!context.repeat) return;
  const answer = operation.repeats === 'refused' ? null : (JSON.stringify(output) ?? null);
  const actual = answer === null ? 0 : Buffer.byteLength(answer);
  const maximum = limits.IDEMPOTENT_ANSWER_BYTES;
  if (actual > maximum) throw limitExceeded('IDEMPOTENT_ANSWER_BYTES', maximum, { actual, what: 'the answer to keep' });
  await keepAnswer(tx, {
    ...context.repeat,
    zone_id: context.zone_id,
    operation: operation.name,
    answer,
    answered_at: now,
  });
}

const slice = z.object({ limit: z.number() });

/** Number of answers that are kept no longer, as many as were asked for at most. */
export const forgetAnswers: Operation<z.infer<typeof slice>, number> = {
  name: 'answer.forget',
  summary: 'Forget answers of calls that are kept no longer.',
  effect: 'destroy',
  who: 'root admin',
  internal: true,
  input: slice,
  output: z.number(),
  faults: [],
  run: ({ tx, now }, { limit }) => removeAnswersBefore(tx, now - KEPT_MS, limit),
};

export const removeAnswersOf = rowFinalizer('answers', removeAnswersIn);

export const answerSteps = [readAnswer, forgetAnswers, removeAnswersOf] as const;
