/** Texts of path and query as values. */
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { Fault } from '../../base/faults.ts';
import type { AnyOperation } from '../../core/operation.ts';
import { mergeParams, textRulesOf, valuesOf } from './rest-values.ts';

const rules = textRulesOf({
  input: z.object({
    limit: z.int().min(1).default(10),
    deep: z.boolean().optional(),
    name: z.string(),
    as_of: z.union([z.int(), z.string()]).optional(),
    only: z.union([z.boolean(), z.literal('*')]).optional(),
    ids: z.array(z.string()),
    sizes: z.array(z.int()).optional(),
    exclude: z.union([z.string(), z.array(z.string())]).optional(),
    share: z.number().nullable(),
    kind: z.enum(['a', '1']),
    etag: z.string().transform((text) => text.trim()),
  }),
} as unknown as AnyOperation);

describe('a text of path or query', () => {
  test.each([
    [{ limit: '7' }, { limit: 7 }],
    [{ limit: '-7' }, { limit: -7 }],
    [{ limit: '1.5' }, { limit: 1.5 }],
    [{ limit: '9007199254740993' }, { limit: 9007199254740992 }],
    [{ limit: 'seven' }, { limit: 'seven' }],
    [{ limit: '' }, { limit: '' }],
    [{ limit: '0x10' }, { limit: '0x10' }],
    [{ share: '0.85' }, { share: 0.85 }],
    [{ deep: 'true' }, { deep: true }],
    [{ deep: '1' }, { deep: true }],
    [{ deep: '' }, { deep: true }],
    [{ deep: 'false' }, { deep: false }],
    [{ deep: '0' }, { deep: false }],
    [{ deep: 'maybe' }, { deep: 'maybe' }],
    [{ name: '7' }, { name: '7' }],
    [{ name: 'true' }, { name: 'true' }],
    [{ name: 'a,b' }, { name: 'a,b' }],
    [{ kind: '1' }, { kind: '1' }],
    [{ etag: '12' }, { etag: '12' }],
    [{ as_of: '12' }, { as_of: 12 }],
    [{ as_of: '12345678901234567890' }, { as_of: '12345678901234567890' }],
    [{ as_of: '2026-01-01T00:00:00Z' }, { as_of: '2026-01-01T00:00:00Z' }],
    [{ only: '*' }, { only: '*' }],
    [{ only: 'true' }, { only: true }],
    [{ ids: 'a' }, { ids: ['a'] }],
    [{ ids: 'a,b' }, { ids: ['a', 'b'] }],
    [{ ids: ['a', 'b,c'] }, { ids: ['a', 'b', 'c'] }],
    [{ ids: '' }, { ids: [] }],
    [{ sizes: '1,2' }, { sizes: [1, 2] }],
    [{ exclude: '*.{a,b}' }, { exclude: '*.{a,b}' }],
    [{ exclude: ['*.{a,b}', 'c'] }, { exclude: ['*.{a,b}', 'c'] }],
    [{ unheard: '5' }, { unheard: '5' }],
    [{ limit: undefined }, {}],
  ])('%j is %j', (texts, values) => {
    expect(valuesOf(texts, rules)).toEqual(values);
  });

  test('is refused when it is given twice and is no list', () => {
    expect(() => valuesOf({ limit: ['1', '2'] }, rules)).toThrow(Fault);
    // Whether a name without a rule is ignored, is for its operation to say.
    expect(valuesOf({ unheard: ['1', '2'] }, rules)).toEqual({ unheard: ['1', '2'] });
  });
});

describe('path, query and body', () => {
  test('are one object', () => {
    expect(mergeParams({ id: 'a' }, { limit: 1 }, { name: 'n', none: null })).toEqual({
      id: 'a',
      limit: 1,
      name: 'n',
      none: null,
    });
    expect(mergeParams({ id: 'a' }, { id: 'a' }, { id: null })).toEqual({ id: 'a' });
  });

  test('may not contradict each other', () => {
    expect(() => mergeParams({ id: 'a' }, {}, { id: 'b' })).toThrow('id: is given twice');
  });

  test('of one source alone are those of the source, unwalked', () => {
    const body = { a: 1, b: null };
    expect(mergeParams({}, {}, body)).toBe(body);
    expect(mergeParams({}, {})).toEqual({});
  });

  test('take a name that every object has as one like any other', () => {
    const body = JSON.parse('{"toString":"a","__proto__":{"branch":"b"}}');
    expect(JSON.stringify(mergeParams({}, body))).toBe(JSON.stringify(body));
    expect('branch' in mergeParams({}, body)).toBe(false);
    const texts = '{"toString":"1","__proto__":"2"}';
    expect(JSON.stringify(valuesOf(JSON.parse(texts), rules))).toBe(texts);
  });
});
