/** Where seed texts come from and go to (corpus.md §15). */
import type { Config } from '../config.ts';
import { seedTexts } from '../engines/disk/seed-texts.ts';
import { download } from '../engines/network/download.ts';
import type { SeedTexts } from '../ports/seed-texts.ts';
import { outboundOf } from './outbound.ts';

const WITHIN_MS = 60_000;
const BYTES_MAX = 32 * 1024 * 1024;

export const seedsOf = (config: Config): SeedTexts =>
  seedTexts(config.CORPUS_ROOT, async function* (url) {
    const outbound = outboundOf(config, 'user');
    try {
      yield* download(url, { outbound, bytesMax: BYTES_MAX, signal: AbortSignal.timeout(WITHIN_MS) });
    } finally {
      outbound.close();
    }
  });
