/** What is told of a value that is none of several forms: the form that was meant where that is plain, else all that are accepted. */
import { expect, test } from 'vitest';
import { z } from 'zod';
import { issuesOf } from './issues.ts';
import { understand } from './understand.ts';

const spool = z.custom<Blob>((value) => value instanceof Blob);
const text = z.union([z.string(), spool]);
type Rule = { this: string[] } | { not: [Rule, Rule] } | { all: Rule[] };
const rule: z.ZodType<Rule> = z.lazy(() =>
  z.union([
    z.strictObject({ this: z.array(z.string()) }),
    z.strictObject({ not: z.tuple([rule, rule]) }),
    z.strictObject({ all: z.array(rule).min(1) }),
  ]),
);
const pair = z.union([z.tuple([text, text]), z.object({ old: text, new: text, line: z.int().optional() })]);

const told = (schema: z.ZodType, value: unknown): string[] => {
  const given = { field: value };
  const understood = understand(z.object({ field: schema }), given);
  return understood.success ? [] : issuesOf(understood, given).map(({ path, message }) => `${path}: ${message}`);
};

test.each([
  ['a form that has no words is left out', text, 5, ['field: Invalid input: expected string, received number']],
  [
    'all forms are named',
    z.union([z.string(), z.int(), z.array(z.string())]),
    null,
    ['field: Invalid input: expected string, number or array, received null'],
  ],
  [
    'values are named as they are',
    z.union([z.enum(['on', 'off']), z.boolean()]),
    3,
    ['field: Invalid input: expected "on", "off" or boolean, received number'],
  ],
  ['what is missing is told', z.union([z.string(), z.int()]), undefined, ['field: is missing']],
  ['of a choice, what there is', z.enum(['on', 'off']), undefined, ['field: is missing: "on" or "off"']],
  ['whoever wrote words has said it', z.string({ error: 'has to be one' }), undefined, ['field: has to be one']],
  [
    'an item is told where the list was meant',
    z.union([z.string(), z.array(z.string())]),
    ['a', 1],
    ['field.1: Invalid input: expected string, received number'],
  ],
  [
    'a list that is too long was meant as one',
    z.union([z.string(), z.array(z.string()).max(1)]),
    ['a', 'b'],
    ['field: Too big: expected array to have <=1 items'],
  ],
  ['an object by its name', rule, { not: 'x' }, ['field.not: Invalid input: expected tuple, received string']],
  [
    'deep inside, at its place',
    rule,
    { all: [{ this: [] }, { not: [{ this: [] }, { this: [3] }] }] },
    ['field.all.1.not.1.this.0: Invalid input: expected string, received number'],
  ],
  [
    'an object of no form',
    rule,
    { these: [] },
    ['field: Invalid input: expected object with this, object with not or object with all, received object'],
  ],
  ['no object at all', rule, 'x', ['field: Invalid input: expected object, received string']],
  ['the field of an item', pair, { old: 'a', new: 2 }, ['field.new: Invalid input: expected string, received number']],
  ['the item of a pair', pair, ['a', 2], ['field.1: Invalid input: expected string, received number']],
  ['neither pair nor item', pair, 'a', ['field: Invalid input: expected array or object, received string']],
  [
    'a union in a union',
    z.union([z.literal('this'), z.union([z.int(), z.array(z.int())])]),
    true,
    ['field: Invalid input: expected "this", number or array, received boolean'],
  ],
  [
    'words of the schema stay',
    z.union([z.string(), z.int()], 'takes a name or a number'),
    true,
    ['field: takes a name or a number'],
  ],
  [
    'a name of a record',
    z.record(z.string().regex(/^[a-z]+$/, 'takes small letters'), z.int()),
    { A: 1 },
    ['field.A: takes small letters'],
  ],
  [
    'bytes',
    z.union([z.string(), z.instanceof(Uint8Array)]),
    5,
    ['field: Invalid input: expected string or bytes, received number'],
  ],
  ['what fits', pair, ['a', 'b'], []],
])('%s', (_, schema, value, expected) => {
  expect(told(schema, value)).toEqual(expected);
});
