/** The short form of the campaign of uploads.ts. */
import { expect, test } from 'vitest';
import { uploadCampaign } from './uploads.ts';

test('a server that is killed at any byte loses nothing of an upload that it acknowledged', {
  timeout: 120_000,
}, async () => {
  const { kills } = await uploadCampaign({ uploads: 4, atOnce: 4, most: 600_000, seed: 1 });
  expect(kills).toBeGreaterThan(0);
});
