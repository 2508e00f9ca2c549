/** What a wrong value costs, in looks at its items, and how much is told of it. */
import { expect, test } from 'vitest';
import { z } from 'zod';
import { ISSUES_TOLD } from './faults.ts';
import { faultOf, issuesOf } from './issues.ts';
import { holding } from './json-object.ts';
import { understand, type Wrong } from './understand.ts';

let looks = 0;
const never = z.custom<string>(() => {
  looks++;
  return false;
}, 'is wrong');

function wrongOf(schema: z.ZodType, given: unknown): Wrong {
  looks = 0;
  const understood = understand(schema, given);
  if (understood.success) throw new Error('it is right');
  return understood;
}

test.each([
  ['items', z.object({ list: z.array(never) })],
  ['items of several forms', z.object({ list: z.array(z.union([never, z.object({ a: z.string() })])) })],
])('of half a million wrong %s one is looked at', (_what, schema) => {
  const wrong = wrongOf(schema, { list: Array(500_000).fill(1) });
  expect(looks).toBe(1);
  expect(wrong).toMatchObject({ issues: [{ path: ['list', 0] }], has_more: true });
});

test('names of a record are counted before one is looked at', () => {
  const schema = z.object({ names: holding(10, z.record(z.string(), never)) });
  const names = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, at) => [`k${at}`, 1]));
  expect(wrongOf(schema, { names: names(11) }).issues).toMatchObject([
    { path: ['names'], message: 'has more than 10 entries' },
  ]);
  expect(looks).toBe(0);
});

test('all issues are told of what is looked through, and of what is too large for that the first', () => {
  const schema = z.array(never);
  const all = ISSUES_TOLD;
  const told = (count: number) => {
    const given = Array(count).fill(1);
    const { data, message } = faultOf(wrongOf(schema, given), given);
    return { message, count: (data.issues as unknown[]).length, has_more: data.has_more };
  };
  expect(told(all)).toEqual({ message: '0: is wrong', count: all, has_more: undefined });
  expect(told(all + 1)).toEqual({ message: '0: is wrong', count: 1, has_more: true });
});

test('what stands at a place is found without a look at what stands beside it', () => {
  const given = Array(50).fill(1);
  let lists = 0;
  const counted = new Proxy(given, { ownKeys: () => [...Array(++lists).keys()].map(String) });
  expect(issuesOf(wrongOf(z.array(never), given), counted)).toHaveLength(50);
  expect(lists).toBe(0);
});

test('a name that is as long as a body is told by its beginning', () => {
  const name = 'n'.repeat(1_000_000);
  const given = { [`_${name}`]: 5, [name]: 5 };
  const fault = faultOf(wrongOf(z.strictObject({}).catchall(never), given), given);
  expect(JSON.stringify(fault.data).length).toBeLessThan(1_000);
  const unknown = faultOf(wrongOf(z.strictObject({}), given), given);
  expect(JSON.stringify(unknown.data).length).toBeLessThan(5_000);
});
