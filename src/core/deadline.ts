/**
 * The time that a call may take: the limit OPERATION_MS. Guarantees: DEADLINE_EXCEEDED means that nothing changed
 * (files.md §2). A long read, and what a call prepares, is answered when its time is up, wherever it waits then. A
 * transaction is asked when its turn in the queue has come and when its handler is done, and is rolled back if its time
 * is up; from then on the call is answered with what became of its commit, however late.
 */
import { Fault } from '../base/faults.ts';
import type { Computing } from './call/computing.ts';

/** Each thread counts from its own start; this one began then, by the monotonic clock that all threads of a process share. */
const THREAD_BEGAN = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** Milliseconds of that clock. */
const monotonic = (): number => THREAD_BEGAN + performance.now();

/** The instant at which the time of a call that begins now is up. */
export const deadlineIn = (ms: number): number => monotonic() + ms;

/** No client waits for it: the server's own housekeeping. */
export const NO_DEADLINE = Number.POSITIVE_INFINITY;

const exceeded = (): Fault =>
  new Fault('DEADLINE_EXCEEDED', 'The call took longer than the server lets one run; nothing changed.', {
    limit: 'OPERATION_MS',
  });

/** Throws once the time is up. */
export function checkDeadline(deadline: number): void {
  if (monotonic() > deadline) throw exceeded();
}

/** Milliseconds that a timer can wait. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** What changes nothing, or its fault when the time is up first; what comes of it later is dropped. */
export function beforeDeadline<T>(deadline: number, work: Promise<T>): Promise<T> {
  const left = deadline - monotonic();
  if (left > TIMER_MS_MAX) return work;
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const timer = setTimeout(() => reject(exceeded()), left);
  work.then(resolve, reject).finally(() => clearTimeout(timer));
  return promise;
}

/** By then whoever waited has been told that the time is up. */
const AFTER_MS = 1_000;

/** What a call has computed beside the event loop: ended soon after its time is up, wherever it is. */
export function computingUntil(deadline: number, computing: Computing): Computing {
  const until = (signal?: AbortSignal): AbortSignal | undefined => {
    const left = deadline - monotonic() + AFTER_MS;
    if (left > TIMER_MS_MAX) return signal;
    const late = AbortSignal.timeout(Math.max(0, Math.ceil(left)));
    return signal ? AbortSignal.any([signal, late]) : late;
  };
  return {
    run: (task, input, signal) => computing.run(task, input, until(signal)),
    stream: (task, input, signal) => computing.stream(task, input, until(signal)),
  };
}
