/** What a start of a server or worker says about the corpus (infrastructure.md §14): nothing of it keeps one from starting. */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Log } from '../base/log.ts';
import type { Config } from '../config.ts';

export async function warnOfCorpusRoot({ CORPUS_ROOT }: Config, log: Log): Promise<void> {
  const file = resolve(CORPUS_ROOT);
  const found = await stat(file).catch(() => undefined);
  if (found?.isDirectory()) return;
  log('warn', 'corpus_root.missing', { file, hint: 'set NEXUS_CORPUS_ROOT to a directory' });
}
