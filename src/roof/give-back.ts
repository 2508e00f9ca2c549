/**
 * Gives back the memory that a thread took to start, or for work that is over: what is left of loading code is a third of what
 * an idle server holds. Guarantees: once for each time that it is asked to, and not while the thread is busy.
 */
import { performance } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const WAIT_MS = 5_000;
/** Share of the time since the last look that a thread may have worked and yet be idle. */
const IDLE_SHARE = 0.05;
/** What one collection has freed is given back, and lets go of more, in the ones after it. */
const COLLECTIONS = 3;
const BETWEEN_MS = 1_000;

/** Of the thread that calls it, which it does not keep alive. */
export function giveBackWhenIdle(): void {
  let before = performance.eventLoopUtilization();
  const timer = setInterval(() => {
    const { utilization } = performance.eventLoopUtilization(before);
    before = performance.eventLoopUtilization();
    if (utilization > IDLE_SHARE) return;
    clearInterval(timer);
    collectAll();
  }, WAIT_MS).unref();
}

/** V8 shrinks the space of young objects only in a collection of its last resort. */
function collectAll(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: object) => void;
  setFlagsFromString('--no-expose-gc');
  for (let n = 0; n < COLLECTIONS; n++) {
    setTimeout(() => collect({ type: 'major', execution: 'sync', flavor: 'last-resort' }), n * BETWEEN_MS).unref();
  }
}
