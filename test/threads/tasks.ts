/** Tasks of tests: they spin, fail and take memory as told. */
import { threadId } from 'node:worker_threads';
import { Fault } from '../../src/base/faults.ts';
import type { StreamTask, Task } from '../../src/core/call/computing.ts';
import type { TaskLists } from '../../src/roof/compute-serve.ts';

export const echo: Task<unknown, { value: unknown; thread: number }> = {
  name: 'echo',
  compute: (value) => ({ value, thread: threadId }),
};

/** Spins until the shared number is not 0; tells by the next number that it has begun. */
export const spin: Task<Int32Array, number> = {
  name: 'spin',
  compute: (shared) => {
    Atomics.add(shared, 1, 1);
    Atomics.notify(shared, 1);
    while (Atomics.load(shared, 0) === 0);
    return threadId;
  },
};

export const spinInTurn: Task<{ turn: string; shared: Int32Array }, number> = {
  name: 'spin-in-turn',
  compute: ({ shared }) => spin.compute(shared),
  turn: ({ turn }) => turn,
};

export const length: Task<Uint8Array<ArrayBuffer>, number> = {
  name: 'length',
  compute: (bytes) => bytes.length,
  takes: (bytes) => [bytes.buffer],
};

export const fail: Task<'fault' | 'defect' | 'uncloneable' | 'exit', unknown> = {
  name: 'fail',
  compute: (how) => {
    if (how === 'fault') throw new Fault('BAD_REQUEST', 'as asked', { at: 1 });
    if (how === 'defect') throw new TypeError('a defect');
    if (how === 'exit') process.exit(3);
    return () => how;
  },
};

export const grow: Task<'heap' | 'buffers', number> = {
  name: 'grow',
  compute: (what) => {
    const kept: unknown[] = [];
    for (;;)
      kept.push(what === 'heap' ? Array.from({ length: 10_000 }, () => ({})) : new Uint8Array(1_000_000).fill(1));
  },
};

/** Numbers below `to`; writes down how many it has computed, and its end as −1. */
export const count: StreamTask<{ to: number; seen: Int32Array }, { n: number; thread: number }> = {
  name: 'count',
  *pieces({ to, seen }) {
    try {
      for (let n = 0; n < to; n++) {
        Atomics.add(seen, 0, 1);
        yield { n, thread: threadId };
      }
      throw new Fault('CONFLICT', 'counted out');
    } finally {
      Atomics.store(seen, 1, -1);
      Atomics.notify(seen, 1);
    }
  },
};

export const none: StreamTask<null, never> = { name: 'none', pieces: () => [] };

export const lists: TaskLists = { tasks: [echo, spin, spinInTurn, length, fail, grow], streamTasks: [count, none] };
