/** The operator's folder of texts, and where seed texts come from and go to (corpus.md §3, §15). */
import type { Config } from '../config.ts';
import { corpusFolder } from '../engines/disk/corpus-folder.ts';
import { seedTexts } from '../engines/disk/seed-texts.ts';
import { download } from '../engines/network/download.ts';
import type { CorpusFolder } from '../ports/corpus-folder.ts';
import type { SeedTexts } from '../ports/seed-texts.ts';
import { outboundOf } from './outbound.ts';

const WITHIN_MS = 60_000;
const BYTES_MAX = 32 * 1024 * 1024;

const seedsOf = (config: Config): SeedTexts =>
  seedTexts(config.CORPUS_ROOT, async function* (url) {
    const outbound = outboundOf(config, 'user');
    try {
      yield* download(url, { outbound, bytesMax: BYTES_MAX, signal: AbortSignal.timeout(WITHIN_MS) });
    } finally {
      outbound.close();
    }
  });

/** What calls on the corpus may use of the host. */
export const corpusDesks = (config: Config): { readonly folder: CorpusFolder; readonly seeds: SeedTexts } => ({
  folder: corpusFolder(config.CORPUS_ROOT),
  seeds: seedsOf(config),
});
