/**
 * Calls that are asked for again with the `Idempotency-Key` of the first (workflows.md §1.3). Guarantees: of calls of one caller
 * with one operation and key one takes place, on whichever node, and however it was cut off; the others get its answer, and
 * wait for it while it runs, if they may still do what it took; what failed has not taken place, and is done when it is asked for again.
 */
import { createHash } from 'node:crypto';
import { Fault, invalidParams } from '../base/faults.ts';
import { parseJson } from '../base/parse-json.ts';
import { ANSWERED, otherBody, readAnswer } from '../features/answers/answers.operations.ts';
import type { Repeat } from './call/repeat.ts';
import type { AnyOperation, CallContext } from './operation.ts';
import type { Runner } from './transact.ts';
import type { Turns } from './turns.ts';

const KEY = /^[\x21-\x7e]{1,255}$/;

/** How a call is known again. undefined: it is done however often it comes. */
export function repeatOf(
  operation: AnyOperation,
  key: string | undefined,
  { context, input }: { readonly context: CallContext; readonly input: unknown },
): Repeat | undefined {
  if (key === undefined || !takesKey(operation)) return undefined;
  if (!KEY.test(key)) {
    throw invalidParams({ path: 'Idempotency-Key', message: 'takes 1 to 255 visible ASCII characters' });
  }
  const { zone_id, subject_type, subject_id, agent_id } = context.caller;
  return {
    operation: operation.name,
    call_id: hashOf([zone_id, subject_type, subject_id, agent_id, operation.name, key]),
    asked: hashOf(input),
  };
}

/** Who reads may ask as often as he likes; who is nobody has no calls of his own; some have another way. */
const takesKey = (operation: AnyOperation): boolean =>
  operation.effect !== 'read' &&
  operation.who !== 'public' &&
  operation.repeats !== 'own' &&
  !operation.ownDoor &&
  operation.http?.headers?.['idempotency-key'] === undefined;

const hashOf = (value: unknown): string => createHash('sha256').update(canonical(value)).digest('hex');

/** Equal for what is equal, whatever the order of fields; bytes stand for themselves by their hash. */
function canonical(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (value instanceof Uint8Array) return createHash('sha256').update(value).digest('hex');
  if ('bytes' in value && typeof value.bytes === 'function') return canonical(value.bytes());
  if ('sha256' in value && 'read' in value) return String(value.sha256);
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  const fields = Object.entries(value).filter(([, one]) => one !== undefined);
  fields.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, one]) => `${JSON.stringify(name)}:${canonical(one)}`).join()}}`;
}

interface Parts {
  readonly runner: Runner;
  readonly turns: Turns;
}

export interface Once {
  readonly repeat: Repeat;
  readonly context: CallContext;
  /** Does what is asked; CONFLICT with the reason ANSWERED where another has done it meanwhile. */
  work(): Promise<unknown>;
  /** Told that the answer is that of an earlier call. */
  readonly replayed: (() => void) | undefined;
}

/** The answer of the first. */
export async function answerOnce({ runner, turns }: Parts, once: Once): Promise<unknown> {
  const { repeat, context } = once;
  const find = () => runner.read(readAnswer, repeat, context);
  const endTurn = await turns.take(JSON.stringify(['repeat', context.zone_id, repeat.call_id]));
  try {
    const before = await find();
    if (before) return again(before, once);
    try {
      return await once.work();
    } catch (thrown) {
      if (!(thrown instanceof Fault && thrown.data.reason === ANSWERED)) throw thrown;
      const meanwhile = await find();
      if (!meanwhile) throw thrown;
      return again(meanwhile, once);
    }
  } finally {
    endTurn();
  }
}

function again(
  { asked, answer }: { readonly asked: string; readonly answer: string | null },
  { repeat, replayed }: Once,
): unknown {
  if (asked !== repeat.asked) throw otherBody();
  if (answer === null) {
    throw new Fault('CONFLICT', 'This call was answered before, and its answer is shown once only', {
      reason: 'SHOWN_ONCE',
    });
  }
  replayed?.();
  return parseJson(answer) as unknown;
}
