/**
 * The far side of computing.ts: takes computations one message after the other, so the pieces of several streams take turns.
 * Guarantees: whatever a task throws or answers, each question is answered once.
 */
import type { MessagePort } from 'node:worker_threads';
import { Fault, faultToWire } from '../base/faults.ts';
import type { StreamTask, Task } from '../core/call/computing.ts';
import type { ComputeAnswer, ComputeAsk } from './compute-protocol.ts';

export interface TaskLists {
  readonly tasks: readonly Task<never, unknown>[];
  readonly streamTasks: readonly StreamTask<never, unknown>[];
}

type Computed =
  | { readonly kind: 'output'; readonly output: unknown }
  | { readonly kind: 'piece'; readonly piece: unknown }
  | { readonly kind: 'done' };

export function serveTasks(port: MessagePort, { tasks, streamTasks }: TaskLists): void {
  const byName = new Map(tasks.map((task) => [task.name, task]));
  const streamsByName = new Map(streamTasks.map((task) => [task.name, task]));
  const streams = new Map<number, Iterator<unknown>>();

  const begin = (task: string, input: unknown): Iterator<unknown> =>
    known(streamsByName, task)
      .pieces(input as never)
      [Symbol.iterator]();
  const next = (id: number): Computed => {
    const step = streams.get(id)?.next() ?? { done: true };
    if (!step.done) return { kind: 'piece', piece: step.value };
    streams.delete(id);
    return { kind: 'done' };
  };
  const end = (id: number): void => {
    streams.get(id)?.return?.();
    streams.delete(id);
  };
  const compute = async (ask: ComputeAsk): Promise<Computed | undefined> => {
    if (ask.kind === 'run')
      return { kind: 'output', output: await known(byName, ask.task).compute(ask.input as never) };
    if (ask.kind === 'next') return next(ask.id);
    if (ask.kind === 'open') streams.set(ask.id, begin(ask.task, ask.input));
    else end(ask.id);
    return undefined;
  };
  const answer = (id: number, computed: Computed | Failed): void =>
    port.postMessage({ id, ...computed } satisfies ComputeAnswer);
  port.on('message', (ask: ComputeAsk) => {
    compute(ask)
      // Here too: what cannot cross is thrown by it.
      .then((computed) => computed && answer(ask.id, computed))
      .catch((thrown: unknown) => answer(ask.id, failed(thrown)));
  });
}

type Failed = ReturnType<typeof failed>;

const failed = (thrown: unknown) =>
  thrown instanceof Fault
    ? ({ kind: 'fault', fault: faultToWire(thrown) } as const)
    : ({ kind: 'error', error: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown) } as const);

function known<T>(list: ReadonlyMap<string, T>, name: string): T {
  const task = list.get(name);
  if (!task) throw new Error(`no task ${name}`);
  return task;
}
