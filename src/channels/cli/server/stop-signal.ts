/**
 * The signal that ends a server or a worker. Guarantees: the first begins the end; the same that comes right behind it is that
 * one again, for a group of processes and whoever hands signals on both deliver it; a later one ends the process at once.
 */

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;
/** Those who deliver one twice do so within a few milliseconds; who has lost patience presses a key again later than this. */
const SAME_MS = 300;

export function onStopSignal(stop: () => void): void {
  let first: number | undefined;
  const heard = (): void => {
    const now = performance.now();
    if (first === undefined) {
      first = now;
      stop();
    } else if (now - first > SAME_MS) process.exit(1);
  };
  for (const signal of SIGNALS) process.on(signal, heard);
}
