/** What is said of a store that fails, comes back, or says nothing. */
import { expect, test } from 'vitest';
import { Pulse } from './pulse.ts';

const PATIENCE = { timeout: 20_000 };

test('a look that fails, one that goes well again, and one that never ends', async () => {
  let next = Promise.withResolvers<void>();
  const pulse = new Pulse(() => next.promise, { restMs: 1, silentMs: 2_000 });
  expect(pulse.serves()).toBe(true);
  next.reject(new Error('away'));
  await expect.poll(() => pulse.serves(), PATIENCE).toBe(false);
  next = Promise.withResolvers<void>();
  next.resolve();
  await expect.poll(() => pulse.serves(), PATIENCE).toBe(true);
  next = Promise.withResolvers<void>();
  await expect.poll(() => pulse.serves(), PATIENCE).toBe(false);
  next.resolve();
  await expect.poll(() => pulse.serves(), PATIENCE).toBe(true);
});
