/**
 * Computing in threads of their own (src/compute-thread.ts). Guarantees: a server that computes nothing has none of them,
 * and never more than {@link THREADS_MAX}; a thread that nobody has used for {@link IDLE_MS} ends; each computation is
 * answered once, and one that takes more memory than a thread may have fails without harm to the server.
 *
 * A run has a thread to itself, since only ending that stops code which never pauses. Streams share one thread, where their
 * pieces take turns: a short text does not wait behind a long one, nor anybody for a slow taker. The other thread is left
 * to runs, so whoever takes a stream may run something meanwhile. Runs of one turn leave the other thread to those who wait.
 */
import type { Computing, StreamTask, Task } from '../core/call/computing.ts';
import type { ComputeAnswer } from './compute-protocol.ts';
import { type Computation, ComputeThread, failureOf, lost, type ThreadLimits } from './compute-threads.ts';

const THREADS_MAX = 2;
/** Of one thread: each holds its text. */
const STREAMS_MAX = 4;
const IDLE_MS = 60_000;
/** What V8 may hold in one thread: a text of 64 MiB takes 192 as UTF-16 and as bytes. */
const HEAP_MIB = 768;
/** Buffers outside that heap, which V8 sets no limit to. */
const OUTSIDE_BYTES = 768 * 1024 * 1024;

export interface OpenComputing extends Computing {
  /** Threads that there are now. */
  readonly threads: number;
  /** Ends what is under way with UNAVAILABLE. */
  close(): Promise<void>;
}

export const openComputing = (options: Partial<ThreadLimits> = {}): OpenComputing =>
  new Computer({
    file: new URL('../compute-thread.ts', import.meta.url),
    idleMs: IDLE_MS,
    heapMiB: HEAP_MIB,
    outsideBytes: OUTSIDE_BYTES,
    ...options,
  });

class Computer implements OpenComputing {
  private readonly limits: ThreadLimits;
  private readonly all = new Set<ComputeThread>();
  private waiting: Computation[] = [];
  private closed = false;
  private nextId = 0;

  constructor(limits: ThreadLimits) {
    this.limits = limits;
  }

  get threads(): number {
    return this.all.size;
  }

  async run<I, O>(task: Task<I, O>, input: I, signal?: AbortSignal): Promise<O> {
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<O>();
    const answered = (answer: ComputeAnswer): void => {
      if (answer.kind === 'output') resolve(answer.output as O);
      else reject(failureOf(answer));
    };
    const abort = (): void => reject(signal?.reason);
    const computation = this.begin('run', { task, input, answered, failed: reject });
    signal?.addEventListener('abort', abort, { once: true });
    try {
      return await promise;
    } finally {
      signal?.removeEventListener('abort', abort);
      this.leave(computation);
    }
  }

  async *stream<I, P>(task: StreamTask<I, P>, input: I, signal?: AbortSignal): AsyncGenerator<P> {
    signal?.throwIfAborted();
    const pieces = new Pieces<P>();
    const failed = (reason: unknown): void => pieces.fail(reason);
    const abort = (): void => failed(signal?.reason);
    const computation = this.begin('stream', { task, input, failed, answered: (answer) => pieces.take(answer) });
    signal?.addEventListener('abort', abort, { once: true });
    try {
      for (let next = await pieces.next(); next; next = await pieces.next()) {
        computation.thread?.askNext(computation);
        yield next.piece;
      }
    } finally {
      signal?.removeEventListener('abort', abort);
      this.leave(computation);
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const { failed } of this.waiting.splice(0)) failed(lost());
    await Promise.all(Array.from(this.all, (thread) => thread.end(lost())));
  }

  private begin<I>(kind: Computation['kind'], asked: Asked<I>): Computation {
    if (this.closed) throw lost();
    const { task, input, answered, failed } = asked;
    const takes = task.takes?.(input) ?? [];
    const turn = task.turn?.(input);
    const named = { id: ++this.nextId, kind, task: task.name, turn };
    const computation = { ...named, input, takes, answered, failed, thread: undefined };
    this.waiting.push(computation);
    this.dispatch();
    return computation;
  }

  /** Nobody waits for it any more, whether it was answered or not. */
  private leave(computation: Computation): void {
    this.waiting = this.waiting.filter((each) => each !== computation);
    computation.thread?.drop(computation);
    this.dispatch();
  }

  private dispatch(): void {
    this.waiting = this.waiting.filter((computation) => {
      const thread = this.isTaken(computation) ? undefined : this.threadFor(computation.kind);
      thread?.hold(computation);
      return thread === undefined;
    });
  }

  private isTaken({ turn }: Computation): boolean {
    return turn !== undefined && [...this.all].some((thread) => thread.hasTurn(turn));
  }

  private threadFor(kind: Computation['kind']): ComputeThread | undefined {
    const usable = [...this.all].filter((thread) => !thread.isEnding);
    const shared = usable.find((thread) => thread.hasStreams);
    if (kind === 'stream' && shared) return shared.size < STREAMS_MAX ? shared : undefined;
    return usable.find((thread) => thread.size === 0) ?? (this.all.size < THREADS_MAX ? this.open() : undefined);
  }

  private open(): ComputeThread {
    const thread = new ComputeThread(this.limits, () => {
      this.all.delete(thread);
      if (!this.closed) this.dispatch();
    });
    this.all.add(thread);
    return thread;
  }
}

interface Asked<I> extends Pick<Computation, 'answered' | 'failed'> {
  readonly task: Pick<Task<I, unknown>, 'name' | 'takes' | 'turn'>;
  readonly input: I;
}

/** Pieces that have come and nobody has taken. */
class Pieces<P> {
  private readonly come: ComputeAnswer[] = [];
  private failure: { readonly reason: unknown } | undefined;
  private wake: (() => void) | undefined;

  take(answer: ComputeAnswer): void {
    this.come.push(answer);
    this.wake?.();
  }

  /** At once, whatever has come. */
  fail(reason: unknown): void {
    this.failure ??= { reason };
    this.wake?.();
  }

  /** Undefined behind the last. */
  async next(): Promise<{ readonly piece: P } | undefined> {
    while (!this.failure && this.come.length === 0) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    if (this.failure) throw this.failure.reason;
    const answer = this.come.shift();
    if (!answer || answer.kind === 'done') return undefined;
    if (answer.kind !== 'piece') throw failureOf(answer);
    return { piece: answer.piece as P };
  }
}
