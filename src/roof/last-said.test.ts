/** One who is busy keeps nobody waiting, and is told as he last was. */
import { expect, test } from 'vitest';
import { lastSaid } from './last-said.ts';

test('one who is busy, fails or was never there keeps nobody waiting', async () => {
  let said = 1;
  let free = Promise.resolve();
  const busy = async (): Promise<number> => {
    await free;
    return said;
  };
  const look = lastSaid<number | string>([async () => 'here', busy, async () => undefined], 20);
  expect(await look()).toEqual(['here', 1]);
  const { promise, resolve } = Promise.withResolvers<void>();
  free = promise;
  said = 2;
  expect(await look()).toEqual(['here', 1]);
  resolve();
  expect(await look()).toEqual(['here', 2]);
  free = Promise.reject(new Error('gone'));
  expect(await look()).toEqual(['here', 2]);
});
