/**
 * Calls of this process that change the same paths of stores, one after the other in the order in which they came. Guarantees: who
 * wants several paths never waits for one who waits for him; nobody waits longer than {@link PATIENCE_MS} for the one before.
 * Between nodes, intents decide (mount-steps.operations.ts): that is right too, but of many at once all but one are in vain.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '../../base/faults.ts';

const PATIENCE_MS = 30_000;

export class PathTurns {
  /** For each path being changed, the end of the last turn. */
  private readonly last = new Map<string, Promise<void>>();

  begin(): PathTurn {
    return new PathTurn(this.last);
  }
}

/** What one call holds, from its first change of a store to its end. */
export class PathTurn {
  private readonly last: Map<string, Promise<void>>;
  private held: readonly string[] = [];
  private end: () => void = () => undefined;

  constructor(last: Map<string, Promise<void>>) {
    this.last = last;
  }

  /** True where somebody was before, who may have changed what the call relies on. Paths held by it already cost nothing. */
  async take(paths: readonly string[]): Promise<boolean> {
    if (paths.every((path) => this.held.includes(path))) return false;
    this.release();
    const { promise, resolve } = Promise.withResolvers<void>();
    // In one order for all, so that no two hold what the other waits for.
    const wanted = [...new Set(paths)].sort();
    this.held = wanted;
    this.end = resolve;
    let waited = false;
    for (const path of wanted) {
      const before = this.last.get(path);
      const own = before ? Promise.all([before, promise]).then(() => undefined) : promise;
      this.last.set(path, own);
      own.then(() => this.last.get(path) === own && this.last.delete(path));
      if (before) await patiently(before);
      waited ||= before !== undefined;
    }
    return waited;
  }

  /** May be called again. */
  release(): void {
    this.held = [];
    this.end();
  }
}

async function patiently(before: Promise<void>): Promise<void> {
  const timer = new AbortController();
  const late = sleep(PATIENCE_MS, true, { signal: timer.signal }).catch(() => false);
  const isLate = await Promise.race([before.then(() => false), late]);
  timer.abort();
  if (isLate) throw heldTooLong();
}

export const heldTooLong = (): Fault =>
  new Fault('UNAVAILABLE', 'Somebody else has been changing the same files of a mount for too long; try again', {
    reason: 'held',
  });
