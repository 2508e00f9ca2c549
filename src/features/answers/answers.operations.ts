/**
 * What is remembered of calls that came with an `Idempotency-Key` (workflows.md §1.3); no door reaches these steps.
 * Guarantees: an answer is kept in the transaction of the change that it tells of, so there is never one without the other; it
 * counts for a day, for whoever may still do what it took.
 */
import { z } from 'zod';
import { Fault } from '../../base/faults.ts';
import { type Limits, limitExceeded } from '../../base/limits.ts';
import { parseJson } from '../../base/parse-json.ts';
import type { Need } from '../../core/call/access.ts';
import type { Call, CallContext, Operation, Role } from '../../core/operation.ts';
import type { Tx } from '../../ports/sql.ts';
import { hasRole } from '../access/credentials.ts';
import { rowFinalizer } from '../zones/sweep.operations.ts';
import { findAnswer, keepAnswer, removeAnswersBefore, removeAnswersIn } from './answers.sql.ts';

const KEPT_MS = 24 * 60 * 60 * 1000;
/** Why a transaction broke off: the call was answered before, perhaps a moment ago. */
export const ANSWERED = 'ANSWERED';

const named = z.object({ call_id: z.string(), asked: z.string() });
const answered = z.object({ asked: z.string(), answer: z.string().nullable() });

/** What the first caller had to be and to have. */
interface Allowed {
  readonly role: Role;
  readonly needs: readonly Need[];
}

/** ACCESS_DENIED for a key that may less than the one that was answered, or once the grants are gone that it took. */
async function checkAllowed(call: Call, { role, needs }: Allowed): Promise<void> {
  const { caller, access } = call;
  if (!hasRole(caller, role)) {
    throw new Fault(
      'ACCESS_DENIED',
      `Access denied: this call was made before by a key with the role ${role}, this one has ${caller.role}`,
      { role: caller.role, required_role: role },
    );
  }
  await access.require(needs);
}

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
  faults: ['ACCESS_DENIED'],
  run: async (call, { call_id, asked }) => {
    const { zone_id } = call.context;
    const found = await findAnswer(call.tx, { zone_id, call_id, since: call.now - KEPT_MS });
    if (!found) return null;
    const { allowed, ...answer } = found;
    if (allowed !== null && answer.asked === asked) await checkAllowed(call, parseJson(allowed) as Allowed);
    return answer;
  },
};

/** Does what was done at this time still stand for the call, where that comes again? */
export const isKept = (at: number, now: number): boolean => at >= now - KEPT_MS;

/** The key came before, with something else. */
export const otherBody = (): Fault =>
  new Fault('CONFLICT', 'The Idempotency-Key stands for another call: the first one had another body', {
    reason: 'IDEMPOTENCY_MISMATCH',
  });

/** Throws where the call was answered before. */
export async function refuseAnswered(tx: Tx, { zone_id, repeat }: CallContext, now: number): Promise<void> {
  if (!repeat || !(await findAnswer(tx, { zone_id, call_id: repeat.call_id, since: now - KEPT_MS }))) return;
  throw new Fault('CONFLICT', 'This call was answered before', { reason: ANSWERED });
}

interface Answering {
  readonly context: CallContext;
  readonly operation: { readonly name: string; readonly repeats?: 'own' | 'refused' };
  readonly output: unknown;
  /** What was needed. */
  readonly needs: readonly Need[];
  readonly now: number;
  readonly limits: Limits;
}

/** Keeps the answer of a call that may be asked for again; what a step gave that it was prepared with is none. */
export async function rememberAnswer(tx: Tx, answering: Answering): Promise<void> {
  const { context, operation, output, needs, now, limits } = answering;
  const { role } = context.caller;
  if (context.repeat?.operation !== operation.name || role === 'none') return;
  const answer = operation.repeats === 'refused' ? null : (JSON.stringify(output) ?? null);
  const allowed = JSON.stringify({ role, needs } satisfies Allowed);
  const actual = answer === null ? 0 : Buffer.byteLength(answer);
  const maximum = limits.IDEMPOTENT_ANSWER_BYTES;
  if (actual > maximum) throw limitExceeded('IDEMPOTENT_ANSWER_BYTES', maximum, { actual, what: 'the answer to keep' });
  await keepAnswer(tx, {
    ...context.repeat,
    zone_id: context.zone_id,
    operation: operation.name,
    answer,
    allowed,
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
