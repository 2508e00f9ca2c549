/**
 * The signal that ends a server or a worker. Guarantees: the first begins the end, the second ends the process at once. Beneath
 * somebody who hands signals on, one that comes right behind the first is that one again: a group of processes gets it itself, too.
 * At the end no collector of traces is waited for.
 */

import { readEnvironment } from '../../../config/environment.ts';
import type { Config } from '../../../config.ts';

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;
/** Whoever hands one on does so within a few milliseconds; who has lost patience presses a key again later than this. */
const SAME_MS = 300;

/** npm hands signals on to its scripts, and bin/nexus.mjs to another Node, which it calls by this name. */
const isBeneath = (): boolean => Boolean(readEnvironment().npm_lifecycle_event) || process.argv0 === 'nexus';

export function onStopSignal(stop: () => void): void {
  const sameMs = isBeneath() ? SAME_MS : 0;
  let first: number | undefined;
  const heard = (): void => {
    const now = performance.now();
    if (first === undefined) {
      first = now;
      stop();
    } else if (now - first >= sameMs) process.exit(1);
  };
  for (const signal of SIGNALS) process.on(signal, heard);
}

/**
 * The end of a process that has stopped and has written its log. Spans on their way to a collector that does not answer, and the
 * tries that would follow, hold it for seconds more (infrastructure.md §12).
 */
export function endProcess({ OTLP_ENDPOINT }: Pick<Config, 'OTLP_ENDPOINT'>, code: number): number {
  if (OTLP_ENDPOINT !== '') process.exit(code);
  return code;
}
