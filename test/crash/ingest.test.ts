/** A few kills of an ingest; `node test/crash/ingest.ts` is the long form. */
import { expect, test } from 'vitest';
import { ingestCampaign } from './ingest.ts';

test('an ingest that is killed at any moment leaves the document whole, and is made up for', {
  timeout: 240_000,
}, async () => {
  expect(await ingestCampaign({ kills: 3, characters: 300_000, seed: 7 })).toMatchObject({ kills: 3 });
});
