/**
 * One computing thread, as the event loop has it. Guarantees: what it holds when it dies fails, with UNAVAILABLE; it ends
 * when nobody has used it for a while, and when buffers outside its heap pass their limit.
 */
import { Worker } from 'node:worker_threads';
import { Fault, faultFromWire } from '../base/faults.ts';
import type { ComputeAnswer, ComputeAsk } from './compute-protocol.ts';

export interface ThreadLimits {
  /** The file of the thread. */
  readonly file: URL;
  readonly idleMs: number;
  readonly heapMiB: number;
  readonly outsideBytes: number;
}

export interface Computation {
  readonly id: number;
  readonly kind: 'run' | 'stream';
  readonly task: string;
  readonly turn: string | undefined;
  readonly input: unknown;
  /** Of the input: given away. */
  readonly takes: readonly ArrayBuffer[];
  readonly answered: (answer: ComputeAnswer) => void;
  readonly failed: (reason: unknown) => void;
  /** Undefined while it waits for one. */
  thread: ComputeThread | undefined;
}

/**
 * Buffers that are no longer used go with the young objects that named them: the fewer of these a thread may have, the sooner.
 * Taking apart one text of 10 MB after the other, it held 202 MiB with the 48 that V8 takes by itself, and 142 so; CPU time is equal.
 */
const YOUNG_MIB = 8;
/** Milliseconds between two looks at buffers outside the heap. */
const LOOK_MS = 250;
/** Pieces of a stream asked for ahead of their taker. */
const AHEAD = 2;

export class ComputeThread {
  private readonly held = new Map<number, Computation>();
  private readonly worker: Worker;
  private readonly limits: ThreadLimits;
  private readonly look: NodeJS.Timeout;
  private idle: NodeJS.Timeout | undefined;
  private reason: unknown;

  constructor(limits: ThreadLimits, gone: () => void) {
    this.limits = limits;
    this.worker = new Worker(limits.file, {
      // It reads files of anybody: what the environment holds is not at hand there.
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: limits.heapMiB, maxYoungGenerationSizeMb: YOUNG_MIB },
    });
    this.worker.on('message', (answer: ComputeAnswer) => this.answered(answer));
    this.worker.on('error', (thrown: NodeJS.ErrnoException) => {
      this.reason ??= thrown.code === 'ERR_WORKER_OUT_OF_MEMORY' ? tooLarge() : died(thrown);
    });
    this.worker.once('exit', () => {
      clearInterval(this.look);
      clearTimeout(this.idle);
      this.reason ??= died('it left');
      for (const { failed } of this.held.values()) failed(this.reason);
      this.held.clear();
      gone();
    });
    this.look = setInterval(() => this.lookAtMemory(), LOOK_MS).unref();
  }

  get size(): number {
    return this.held.size;
  }

  get hasStreams(): boolean {
    return [...this.held.values()].some(({ kind }) => kind === 'stream');
  }

  hasTurn(turn: string): boolean {
    return [...this.held.values()].some((computation) => computation.turn === turn);
  }

  /** It is on its way out and takes nothing more. */
  get isEnding(): boolean {
    return this.reason !== undefined;
  }

  hold(computation: Computation): void {
    const { id, task, input, kind, takes } = computation;
    clearTimeout(this.idle);
    computation.thread = this;
    this.held.set(id, computation);
    try {
      this.send({ kind: kind === 'run' ? 'run' : 'open', id, task, input }, takes);
      if (kind === 'stream') for (let ahead = 0; ahead < AHEAD; ahead++) this.askNext(computation);
    } catch (thrown) {
      // An input that cannot cross.
      this.release(id);
      computation.failed(thrown);
    }
  }

  askNext({ id }: Computation): void {
    if (this.held.has(id)) this.send({ kind: 'next', id });
  }

  /** Of one that was not answered to its end, what is left is not computed. */
  drop({ id, kind }: Computation): void {
    if (!this.held.has(id)) return;
    if (kind === 'run') {
      this.held.delete(id);
      this.end(lost());
    } else {
      this.send({ kind: 'end', id });
      this.release(id);
    }
  }

  async end(reason: unknown): Promise<void> {
    this.reason ??= reason;
    await this.worker.terminate();
  }

  private answered(answer: ComputeAnswer): void {
    const computation = this.held.get(answer.id);
    if (answer.kind !== 'piece') this.release(answer.id);
    computation?.answered(answer);
  }

  private release(id: number): void {
    if (!this.held.delete(id) || this.held.size > 0) return;
    this.idle = setTimeout(() => this.end(lost()), this.limits.idleMs).unref();
  }

  private send(ask: ComputeAsk, takes: readonly ArrayBuffer[] = []): void {
    this.worker.postMessage(ask, takes);
  }

  /** V8 answers between two instructions, so also where the thread does not come to its messages. */
  private lookAtMemory(): void {
    if (this.held.size === 0) return;
    this.worker.getHeapStatistics().then(
      ({ external_memory }) => (external_memory > this.limits.outsideBytes ? this.end(tooLarge()) : undefined),
      // It has gone.
      () => undefined,
    );
  }
}

/** What an answer that is neither output nor piece says. */
export function failureOf(answer: ComputeAnswer): unknown {
  if (answer.kind === 'fault') return faultFromWire(answer.fault);
  const stack = answer.kind === 'error' ? answer.error : `a computation was answered with ${answer.kind}`;
  return Object.assign(new Error('in a computing thread'), { stack });
}

export const lost = (): Fault =>
  new Fault('UNAVAILABLE', 'The computation was ended before its answer; nothing was changed');

/** Of a defect in what it computed with. */
const died = (cause: unknown): Fault =>
  Object.assign(new Fault('UNAVAILABLE', 'The computation ended its thread; nothing was changed', { reason: 'died' }), {
    cause,
  });

const tooLarge = (): Fault =>
  new Fault('UNAVAILABLE', 'The computation took more memory than it may; nothing was changed', { reason: 'memory' });
