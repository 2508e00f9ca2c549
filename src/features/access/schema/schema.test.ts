/** Schemas: what may be added to the built-in types, and what is refused by name. */
import { expect, test } from 'vitest';
import { z } from 'zod';
import { issuesOf } from '../../../base/issues.ts';
import { understand } from '../../../base/understand.ts';
import { BUILT_IN } from './built-in.ts';
import type { Types } from './rules.ts';
import { typesSchema } from './rules.ts';
import { additionsOf, askedNames, checkSchema, schemaWith, storedNames, typesOf } from './schema.ts';

function refusal(types: Types): string {
  try {
    checkSchema(schemaWith(1, additionsOf(typesSchema.parse(types))));
    return 'none';
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown);
  }
}

test('what is built in passes as it is, and may be given again', () => {
  expect(refusal(BUILT_IN)).toBe('none');
  expect(additionsOf(BUILT_IN)).toEqual({});
  const types: Types = {
    report: { auditor: { this: ['user', 'group#member'] } },
    file: { auditor: { this: ['user'] } },
  };
  const schema = schemaWith(1, additionsOf(types));
  expect(additionsOf(typesOf(schema))).toEqual(types);
  expect(storedNames(schema, 'report')).toContain('auditor');
  // A type that is added has the model too.
  expect(askedNames(schema, 'report')).toEqual(expect.arrayContaining(['auditor', 'read', 'share', 'parent']));
  expect(askedNames(schema, 'file')).not.toContain('folder');
});

test.each<[string, Types, string]>([
  ['a built-in name', { file: { viewer: { this: ['user'] } } }, 'file.viewer'],
  ['another rule of member', { group: { member: { this: ['user'] } } }, 'group.member'],
  ['an unknown name', { a: { b: { computed: 'c' } } }, 'a.b: c is unknown'],
  ['an unknown type', { a: { b: { this: ['person'] } } }, 'a.b: person is unknown'],
  ['an unknown set', { a: { b: { this: ['group#boss'] } } }, 'a.b: group#boss is unknown'],
  ['a tupleset that no tuple has', { a: { b: { from: ['viewer', 'viewer'] } } }, 'a.b: viewer is unknown'],
  ['a name that no type has', { a: { b: { from: ['parent', 'boss'] } } }, 'a.b: boss is unknown'],
  ['nobody', { a: { b: { this: [] } } }, 'a.b: this takes'],
  ['a minus of itself', { a: { b: { exclusion: [{ this: ['user'] }, { computed: 'b' }] } } }, 'a.b: depends on itself'],
  [
    'a minus of itself through another type',
    {
      a: { up: { this: ['z'] }, b: { exclusion: [{ this: ['user'] }, { from: ['up', 'c'] }] } },
      z: { down: { this: ['a'] }, c: { from: ['down', 'b'] } },
    },
    'a.b: depends on itself',
  ],
  [
    'a minus of itself through a set that the base takes',
    { a: { b: { exclusion: [{ this: ['a#b'] }, { this: ['user'] }] } } },
    'a.b: depends on itself',
  ],
  [
    'a minus of itself through a set',
    { a: { b: { exclusion: [{ this: ['user'] }, { computed: 'c' }] }, c: { this: ['a#b'] } } },
    'a.b: depends on itself',
  ],
])('%s is refused', (_, types, message) => {
  expect(refusal(types)).toContain(message);
});

test.each([
  [
    { a: { b: { exclusion: 'c' } } },
    'types.a.b.exclusion: takes a list of two rules: who is meant, and who is left out',
  ],
  [
    { a: { b: { union: [{ from: ['up'] }] } } },
    'types.a.b.union.0.from: takes a list of two names: [tupleset, relation]',
  ],
  [{ a: { b: { union: [{ computed: 'x', this: [] }] } } }, 'types.a.b.union.0: '],
  [{ a: { b: 3 } }, 'types.a.b: Invalid input: expected object, received number'],
  [{ A: { b: { this: [] } } }, 'types.A: a name begins with a-z and has up to 63 of a-z 0-9 _ -'],
])('%j has no form of a rule: the place and what it takes are told', (types, message) => {
  const understood = understand(z.object({ types: typesSchema }), { types });
  const [{ path = '', message: told = '' } = {}] = understood.success ? [] : issuesOf(understood, { types });
  expect(`${path}: ${told}`).toContain(message);
  expect(told).not.toBe('Invalid input');
});

test('a name that every object of the program has is one like any other', () => {
  const types: Types = { constructor: { auditor: { this: ['user'] } }, report: { constructor: { this: ['user'] } } };
  expect(refusal(types)).toBe('none');
  expect(additionsOf(types)).toEqual(types);
});

test('a cycle through the base, and a minus of something else, are none', () => {
  expect(refusal({ a: { b: { union: [{ this: ['user'] }, { computed: 'c' }] }, c: { computed: 'b' } } })).toBe('none');
  expect(
    refusal({ a: { no: { this: ['user'] }, b: { exclusion: [{ computed: 'viewer' }, { computed: 'no' }] } } }),
  ).toBe('none');
});
