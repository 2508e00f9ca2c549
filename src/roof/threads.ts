/**
 * Calls that run in another thread: writes in the writing thread of the embedded engine, long reads in the reading
 * thread, so that the event loop waits neither for the disk nor for a long transaction. Guarantees: each call is
 * answered once; all calls of one turn of the event loop travel in one message; a thread that dies fails what it held
 * with an unknown outcome and stops the server.
 */
import { Worker } from 'node:worker_threads';
import { Fault, faultFromWire } from '../base/faults.ts';
import { tracestateAtHand } from '../base/trace-context.ts';
import { Detour } from '../core/call/outside.ts';
import type { Told } from '../core/call/told.ts';
import type { EndedSpan } from '../core/call/tracing.ts';
import type { CallContext, Operation } from '../core/operation.ts';
import type { Fence } from '../ports/fence.ts';
import { giveBackWhenIdle } from './give-back.ts';
import type { ThreadAnswer, ThreadCall, ThreadJob, ThreadMessage, ThreadRole, ThreadStats } from './thread-protocol.ts';
import { leftBy, since } from './thread-stats.ts';

/** A thread that runs transactions by the names of their operations. */
export interface CallThread {
  run<I, P, O>(operation: Operation<I, O, P>, ready: P, context: CallContext): Promise<O>;
  stats(): Promise<ThreadStats>;
  close(): Promise<void>;
}

/** A thread that may not be needed just now. */
export interface LateThread extends Omit<CallThread, 'stats'> {
  /** With those of the threads before it; undefined of one that has never been there. */
  stats(): Promise<ThreadStats | undefined>;
  /** Starts it, for calls that are to be expected. */
  expect(): void;
}

export interface ThreadOptions {
  readonly role: ThreadRole;
  /** Plain data, given to the thread at start. */
  readonly config: unknown;
  readonly fence: Fence;
  readonly onBroken: (reason: unknown) => void;
  /** Given what calls tell of, after their commit. */
  readonly told?: Told | undefined;
  readonly spans?: ((span: EndedSpan) => void) | undefined;
}

interface Pending {
  readonly resolve: (value: never) => void;
  readonly reject: (reason: unknown) => void;
}

/** @throws Fault what it has to open is out of reach for now */
export async function startThread(options: ThreadOptions): Promise<CallThread> {
  const worker = new Worker(new URL('../thread.ts', import.meta.url), {
    workerData: { role: options.role, config: options.config, fence: options.fence },
  });
  const pending = new Map<number, Pending>();
  let next = 0;
  let outbox: ThreadCall[] = [];
  let closing = false;
  const failAll = (reason: unknown): void => {
    for (const call of pending.values()) call.reject(reason);
    pending.clear();
  };
  await new Promise<void>((resolve, reject) => {
    worker.once('message', (first: ThreadMessage) => {
      if (first.kind === 'refused') reject(faultFromWire(first.fault));
      else resolve();
    });
    worker.once('error', reject);
  });
  worker.on('message', (message: ThreadMessage) => {
    if (message.kind === 'broken') options.onBroken(message.reason);
    if (message.kind === 'told') options.told?.(message.moves);
    if (message.kind === 'span') options.spans?.(message.span);
    if (message.kind !== 'answers') return;
    for (const answer of message.answers) settle(pending, answer);
  });
  worker.on('error', (reason) => {
    failAll(lost());
    options.onBroken(reason);
  });
  worker.on('exit', () => {
    failAll(lost());
    if (!closing) options.onBroken(new Error(`the ${options.role} thread stopped`));
  });
  const send = (job: ThreadJob): Promise<never> =>
    new Promise((resolve, reject) => {
      const id = ++next;
      pending.set(id, { resolve, reject });
      if (outbox.length === 0) {
        setImmediate(() => {
          const calls = outbox;
          outbox = [];
          worker.postMessage(calls);
        });
      }
      outbox.push({ id, job });
    });
  return {
    run: (operation, ready, context) =>
      send({ kind: 'call', operation: operation.name, ready, context, tracestate: tracestateAtHand() }),
    stats: () => send({ kind: 'stats' }),
    close: async () => {
      closing = true;
      const ended = new Promise((resolve) => worker.once('exit', resolve));
      await send({ kind: 'close' }).catch(() => undefined);
      await ended;
    },
  };
}

/** Between two looks whether a thread was needed: one that was not since the last look ends. It holds some 35 MiB. */
const IDLE_MS = 30_000;

/**
 * Starts with the first call, so that a server that nobody asks does without; what comes until then waits for it. It ends when
 * nobody has called for a while, and the next call starts it again. Where it cannot open what it needs, as in a restore, those
 * calls get that fault, and the next one tries again.
 */
export function threadOnDemand(options: ThreadOptions, idleMs = IDLE_MS): LateThread {
  let thread: CallThread | undefined;
  let starting: Promise<CallThread> | undefined;
  let closed = false;
  let inHand = 0;
  let wanted = false;
  let before: ThreadStats | undefined;
  const endings = new Set<Promise<void>>();
  const isIdle = (): boolean => inHand === 0 && !wanted && !closed;
  const endIdle = async (idle: CallThread): Promise<void> => {
    const last = await idle.stats();
    if (!isIdle()) return;
    before = leftBy(since(before, last));
    thread = undefined;
    starting = undefined;
    const ending = idle.close().finally(() => {
      endings.delete(ending);
      giveBackWhenIdle();
    });
    endings.add(ending);
  };
  const looks = setInterval(() => {
    // One that dies just now is told of as broken.
    if (thread && isIdle()) endIdle(thread).catch(() => undefined);
    wanted = false;
  }, idleMs).unref();
  const start = (): Promise<CallThread> => {
    if (closed) return Promise.reject(lost());
    starting ??= startThread(options).then(
      (started) => {
        thread = started;
        return started;
      },
      (reason: unknown) => {
        starting = undefined;
        if (reason instanceof Fault) throw reason;
        options.onBroken(reason);
        throw lost();
      },
    );
    return starting;
  };
  return {
    run: async (operation, ready, context) => {
      wanted = true;
      inHand++;
      try {
        return await (thread ?? (await start())).run(operation, ready, context);
      } finally {
        inHand--;
      }
    },
    stats: async () => (thread ? since(before, await thread.stats()) : before),
    expect: () => {
      wanted = true;
      if (!closed && !starting) start().catch(() => undefined);
    },
    close: async () => {
      closed = true;
      clearInterval(looks);
      await starting?.then(
        (started) => started.close(),
        () => undefined,
      );
      await Promise.all(endings);
    },
  };
}

function settle(pending: Map<number, Pending>, answer: ThreadAnswer): void {
  const call = pending.get(answer.id);
  pending.delete(answer.id);
  if (answer.fault) call?.reject(faultFromWire(answer.fault));
  else if (answer.demand) call?.reject(new Detour(answer.demand));
  else if (answer.error !== undefined)
    call?.reject(Object.assign(new Error('in another thread'), { stack: answer.error }));
  else call?.resolve(answer.output as never);
}

const lost = (): Fault =>
  new Fault('UNAVAILABLE', 'The server stopped before the answer: the outcome is unknown. Read before writing again.', {
    outcome: 'unknown',
  });
