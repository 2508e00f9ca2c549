/** What work beside transactions tells of itself. */
import { type Log, silentLog } from '../../base/log.ts';
import type { EndedSpan } from './tracing.ts';

export interface Notes {
  readonly log: Log;
  /** Counts a run of a plugin of analysis. */
  pluginRan(plugin: string, outcome: string): void;
  /** Given spans, where calls are traced. */
  readonly span?: ((span: EndedSpan) => void) | undefined;
}

export const silentNotes: Notes = { log: silentLog, pluginRan: () => undefined };
