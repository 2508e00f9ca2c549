/** Keys are those of the text, whatever was parsed before. */
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseJson } from './parse-json.ts';

/** Every UTF-16 unit of a text as an escape. */
const escaped = (text: string): string =>
  `"${[...Array(text.length).keys()].map((at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`).join('')}"`;

/** JSON of a value in which `quote` writes the keys. */
function textOf(value: unknown, quote: (key: string) => string): string {
  if (Array.isArray(value)) return `[ ${value.map((held) => textOf(held, quote)).join(', ')} ]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([key, held]) => `${quote(key)}:${textOf(held, quote)}`)
    .join(',')}}`;
}

const key = fc.string({ unit: fc.constantFrom('\\', '"', 'u', '0', 'a', 'é', '\n', '}', ','), maxLength: 4 });
const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom<unknown>(0, -1.5e3, true, null, '', '\\', '"\\"', '{"a":1}', '\\\\"'),
    fc.array(tie('tree'), { maxLength: 3 }),
    fc.dictionary(key, tie('tree'), { maxKeys: 4, noNullPrototype: true }),
  ),
}));

test('a key is never the one of another text', () => {
  parseJson('{"first":0,"\\\\":0}');
  expect(parseJson('{"first":0,"\\u00e9":1}')).toEqual({ first: 0, é: 1 });
  parseJson('{"second":0,"a\\\\\\"":0}');
  expect(parseJson('[{"second":0,"a\\\\b":1},{"second":0,"a\\"b":2}]')).toEqual([
    { second: 0, 'a\\b': 1 },
    { second: 0, 'a"b': 2 },
  ]);
});

test('any value comes back, its keys escaped or not', () => {
  fc.assert(
    fc.property(tree, (value) => {
      for (const quote of [escaped, (name: string) => JSON.stringify(name)]) {
        expect(isDeepStrictEqual(parseJson(textOf(value, quote)), value)).toBe(true);
      }
    }),
    { numRuns: 3000 },
  );
});

test('the last of equal keys counts, in the place of the first', () => {
  const value = parseJson<object>('{"\\\\":1,"b":2,"\\u005c":{"__proto__":{"x":1}}}');
  expect(Object.entries(value)).toEqual([
    ['\\', { ['__proto__']: { x: 1 } }],
    ['b', 2],
  ]);
  expect(Object.getPrototypeOf(parseJson('{"__proto__":1,"\\\\":2}'))).toBe(Object.prototype);
});

test('deep nesting is no danger, and what is not JSON is a SyntaxError', () => {
  const depth = 100_000;
  expect(parseJson(`${'['.repeat(depth)}{"\\\\":"\\n"}${']'.repeat(depth)}`)).toHaveLength(1);
  for (const text of ['', '{', '{"\\":1}', '["\\x"]', '{"a":1,}']) expect(() => parseJson(text)).toThrow(SyntaxError);
});
