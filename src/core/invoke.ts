/**
 * The only way in: who → parse → zone (request.ts) → prepare → the transaction (transact.ts) → the answer. Guarantees: every
 * door gets the same checks in the same order (files.md §2); nothing but a Fault leaves here, and anything else was logged
 * once under its request id.
 */
import { asFault, Fault } from '../base/faults.ts';
import { isZoneId } from '../base/ids.ts';
import { isRootAdmin } from '../features/access/credentials.ts';
import { logEnded, logFailure, type Trail } from './audit-trail.ts';
import { beforeDeadline, checkDeadline } from './deadline.ts';
import { callFields, logCause } from './log-cause.ts';
import type { AnyOperation, CallContext } from './operation.ts';
import { withQuestion } from './paging.ts';
import { answerOnce, repeatOf } from './repeat.ts';
import { type Asked, type Settled, settle } from './request.ts';
import { preparationOf, type Server } from './server.ts';
import type { Open } from './streams.ts';
import type { Runner } from './transact.ts';

/** How often a call is prepared again because what it relied on had changed meanwhile. */
const STALE_TRIES_MAX = 100;

/** The answer of an operation, with the input as it was understood. */
export interface Answer {
  readonly output: unknown;
  readonly input: unknown;
}

export const invoke = (server: Server, operation: AnyOperation, asked: Asked): Promise<Answer> =>
  observed(server, operation, { asked, work: answer });

/** A stream that has begun. Whoever has it sends its items, and closes it in the end. */
export interface Stream {
  readonly items: AsyncIterable<Uint8Array>;
  readonly open: Open;
}

/** The same for an operation that streams; what is wrong with the call is thrown before the first item. */
export const openStream = (server: Server, operation: AnyOperation, asked: Asked): Promise<Stream> =>
  observed(server, operation, { asked, work: beginStream });

interface Observed<T> {
  readonly asked: Asked;
  readonly work: (server: Server, trail: Trail, asked: Asked) => Promise<T>;
}

async function observed<T>(server: Server, operation: AnyOperation, { asked, work }: Observed<T>): Promise<T> {
  const { request } = asked;
  const began = performance.now();
  const trail: Trail = { operation, caller: request.caller, way: request, began };
  let outcome = 'ok';
  try {
    const answered = await work(server, trail, asked);
    const logged = operation.effect === 'read' ? logEnded(server.audit, trail) : undefined;
    if (logged) await logged;
    return answered;
  } catch (thrown) {
    const fault = asFault(thrown);
    outcome = fault.code;
    const { context, caller } = trail;
    const who = callFields(request.request_id, context?.caller ?? caller, context?.zone_id);
    const about = { ...who, operation: operation.name };
    if (fault !== thrown) {
      const err = thrown instanceof Error ? thrown.stack : String(thrown);
      server.log('error', 'internal.error', { ...about, err });
    } else logCause(server.log, fault, about);
    await logFailure(server.audit, trail, fault);
    throw fault;
  } finally {
    trail.leave?.();
    server.observe(operation.name, outcome, (performance.now() - began) / 1000);
  }
}

async function answer(server: Server, trail: Trail, asked: Asked): Promise<Answer> {
  const { operation, caller } = trail;
  try {
    const settled = await settle(server, trail, asked);
    const output = operation.linger
      ? await lingering(server, trail, { asked, settled, linger: operation.linger })
      : await perform(server, trail, settled);
    const { zone_id } = settled.context;
    return { output: withQuestion(operation, settled.resumed, { zone_id, output }), input: settled.input };
  } catch (thrown) {
    if (!operation.nowhere || !caller || !isRootAdmin(caller) || !isAbsence(thrown)) throw thrown;
    return { output: operation.nowhere(), input: trail.input };
  }
}

/** Is it a zone that could be there? What no zone can be called is a mistake of whoever called it so. */
const isAbsence = (thrown: unknown): boolean =>
  thrown instanceof Fault && thrown.code === 'ZONE_NOT_FOUND' && isZoneId(String(thrown.data.zone_id));

interface Waiting {
  readonly asked: Asked;
  readonly settled: Settled;
  readonly linger: NonNullable<AnyOperation['linger']>;
}

/** It counts as one that waits before it has begun, unless its input says that its answer is likely to be there at once. */
async function lingering(server: Server, trail: Trail, waiting: Waiting): Promise<unknown> {
  const { operation } = trail;
  const { settled } = waiting;
  if (operation.lingers?.(settled.input) ?? true) {
    return waitFor(server, trail, { ...waiting, work: () => perform(server, trail, settled) });
  }
  const output = await perform(server, trail, settled);
  if (!operation.unfinished?.(output)) return output;
  return waitFor(server, trail, { ...waiting, work: async () => output });
}

async function waitFor(
  server: Server,
  trail: Trail,
  { asked, settled, linger, work }: Waiting & { readonly work: () => Promise<unknown> },
): Promise<unknown> {
  const open = server.streams.begin(settled.context, ...endsOf(server, trail, asked));
  try {
    asked.request.lasts?.();
    const output = await work();
    return trail.operation.output.parse(await linger(output, open, settled.input));
  } finally {
    open.close();
  }
}

/** Nobody waits for it any more, or its brick has given it all the time there was. */
function endsOf(server: Server, { operation }: Trail, { request }: Asked): readonly (AbortSignal | undefined)[] {
  return [request.gone?.(), operation.brick && server.bricks.over(operation.brick)];
}

async function beginStream(server: Server, trail: Trail, asked: Asked): Promise<Stream> {
  const { stream } = trail.operation;
  if (!stream) throw new Error(`${trail.operation.name} is no stream`);
  const settled = await settle(server, trail, asked);
  const open = server.streams.begin(settled.context, ...endsOf(server, trail, asked));
  try {
    const output = await perform(server, trail, settled);
    return { items: stream.open(output, open, settled.input), open };
  } catch (thrown) {
    open.close();
    throw thrown;
  }
}

/** Once only, where it may be asked for again. */
function perform(server: Server, trail: Trail, settled: Settled): Promise<unknown> {
  const { idempotency_key, replayed } = trail.way;
  const repeat = repeatOf(trail.operation, idempotency_key, settled);
  if (!repeat) return performNow(server, trail, settled);
  const { context } = settled;
  const work = () => performNow(server, trail, { ...settled, context: { ...context, repeat } });
  return answerOnce(server, { repeat, context, replayed, work });
}

/**
 * Prepares and runs, again while the answer is stale. A call that was stale takes its turn, and one that comes while
 * somebody has it waits too, so that each gets through however many there are.
 */
async function performNow(server: Server, trail: Trail, settled: Settled): Promise<unknown> {
  const { operation } = trail;
  const { input, context } = settled;
  const run = operation.effect === 'read' ? server.runner.read : server.runner.write;
  const turn = operation.turn && JSON.stringify([context.zone_id, operation.turn(input)]);
  const takeTurn = async (): Promise<(() => void) | undefined> =>
    turn === undefined ? undefined : server.turns.take(turn);
  let endTurn = turn !== undefined && server.turns.wanted(turn) ? await takeTurn() : undefined;
  try {
    let stale: unknown;
    for (let tries = 0; tries < STALE_TRIES_MAX; tries++) {
      const preparing = prepared(server, operation, { input, context, stale });
      const ready = preparing instanceof Promise ? await preparing : preparing;
      trail.ready = ready;
      const output = await (operation.over
        ? runTold(server, operation, { run, ready, context })
        : run(operation, ready, context));
      if (!operation.stale?.(output)) return output;
      stale = output;
      endTurn ??= await takeTurn();
    }
  } finally {
    endTurn?.();
  }
  throw new Fault('CONFLICT', 'The thing kept changing while the call was prepared; try again', {
    reason: 'CONTENDED',
  });
}

interface Prepared {
  readonly run: Runner['read'];
  readonly ready: unknown;
  readonly context: CallContext;
}

/** Runs it, and tells it that it has. */
async function runTold(server: Server, operation: AnyOperation, { run, ready, context }: Prepared): Promise<unknown> {
  let output: unknown;
  try {
    output = await run(operation, ready, context);
    return output;
  } finally {
    operation.over?.(ready, output, preparationOf(server, context));
  }
}

interface Preparing extends Settled {
  readonly stale: unknown;
}

/** What runs, or a promise of it. */
function prepared(server: Server, operation: AnyOperation, preparing: Preparing): unknown {
  const { input, context, stale } = preparing;
  checkDeadline(context.deadline);
  if (!operation.prepare) return input;
  const ready = operation.prepare(input, preparationOf(server, context), stale);
  return ready instanceof Promise ? beforeDeadline(context.deadline, ready) : ready;
}
