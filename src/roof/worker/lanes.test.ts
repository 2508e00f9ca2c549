/** Zones are independent of each other, and nothing begins twice in one. */
import { expect, test } from 'vitest';
import { Lanes } from './lanes.ts';

const sizes = (...zones: string[]): ReadonlyMap<string, number> => new Map(zones.map((zone) => [zone, 2]));

test('a zone that takes long keeps no other waiting, and is left alone until it is free', async () => {
  const over: string[] = [];
  const begun: string[] = [];
  const slow = Promise.withResolvers<void>();
  const lanes = new Lanes({ failed: () => undefined, over: () => over.push('over') });
  const work = async (zone: string): Promise<void> => {
    begun.push(zone);
    if (zone === 'slow') await slow.promise;
  };
  expect(await lanes.each(sizes('slow', 'quick'), work)).toBe(2);
  expect([lanes.isFree('slow'), lanes.isFree('quick'), lanes.size, lanes.isBusy]).toEqual([false, true, 2, true]);
  expect(await lanes.each(sizes('slow', 'quick'), work)).toBe(1);
  expect([begun, over]).toEqual([
    ['slow', 'quick', 'quick'],
    ['over', 'over'],
  ]);
  slow.resolve();
  await lanes.idle();
  expect([lanes.size, lanes.isBusy, over.length, await lanes.each(sizes(), work)]).toEqual([0, false, 3, 0]);
});

test('what fails soon is thrown, what fails later is told', async () => {
  const told: unknown[] = [];
  const lanes = new Lanes({ failed: (thrown) => told.push(thrown) });
  const soon = lanes.each(sizes('a'), async () => {
    throw new Error('soon');
  });
  await expect(soon).rejects.toThrow('soon');
  const later = Promise.withResolvers<void>();
  await lanes.each(sizes('a'), () => later.promise);
  later.reject(new Error('later'));
  await lanes.idle();
  expect(told).toEqual([new Error('later')]);
  expect(lanes.isFree('a')).toBe(true);
});
