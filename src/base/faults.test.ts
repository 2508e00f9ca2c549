/** What is told back of what was sent. */
import { expect, test } from 'vitest';
import { Fault } from './faults.ts';

test('a fault is short, however long what it names', () => {
  const long = '😀'.repeat(500_000);
  const { message, data } = new Fault('NOT_FOUND', `Nothing is called ${long}`, { name: long, similar: ['a'] });
  expect(message.length + JSON.stringify(data).length).toBeLessThan(25_000);
  expect([message.isWellFormed(), message.startsWith('Nothing is called 😀')]).toEqual([true, true]);
  expect(data.similar).toEqual(['a']);
  const path = `/${'p'.repeat(4_095)}`;
  expect(new Fault('NOT_FOUND', `${path} and ${path}`, { path })).toMatchObject({
    message: `${path} and ${path}`,
    data: { path },
  });
});
