/**
 * What Node and libraries warn of (`process.emitWarning`). Guarantees: where there is a log it is a line of it, never text between its
 * lines, which whoever collects them could not read.
 */
import type { Log } from './log.ts';

/** From now on, for the life of the process. */
export function logNodeWarnings(log: Log): void {
  ignoreNodeWarnings();
  process.on('warning', ({ name, message }) => log('warn', 'process.warning', { msg: `${name}: ${message}` }));
}

/** In a thread: its process does the same and is warned of the same. */
export const ignoreNodeWarnings = (): void => {
  process.removeAllListeners('warning');
};
