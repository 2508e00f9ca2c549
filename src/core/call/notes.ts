/** What work beside transactions tells of itself. */
import { type Log, silentLog } from '../../base/log.ts';
import type { EndedSpan } from './tracing.ts';

export interface IngestedFile {
  readonly modality: string;
  /** Of its outcome. */
  readonly status: string;
  readonly made: readonly { readonly level: string; readonly atoms: number }[];
}

export interface Notes {
  readonly log: Log;
  /** Counts a run of a plugin of analysis. */
  pluginRan(plugin: string, outcome: string): void;
  /** Counts a file that was ingested, and the atoms that were made of it. */
  ingested(file: IngestedFile): void;
  /** Given spans, where calls are traced. */
  readonly span?: ((span: EndedSpan) => void) | undefined;
}

export const silentNotes: Notes = { log: silentLog, pluginRan: () => undefined, ingested: () => undefined };
