/** What the index is asked: never more than the pattern demands, shown on the real FTS5 and the real pg_trgm. */
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { Client } from 'pg';
import { describe, expect, test } from 'vitest';
import { freshDatabase } from '../../../../test/servers/shared-postgres.ts';
import { defaultLimits } from '../../../base/limits.ts';
import { compileLinePattern } from './regex.ts';
import { type LikePattern, toFts5, toLikes, trigramCondition } from './trigrams.ts';

const compile = (pattern: string, { ignoreCase = false, fixed = false } = {}) =>
  compileLinePattern({ pattern, fixed, ignoreCase }, defaultLimits);

/** The condition in short: literals of a group by `|`, folded ones with a `~`. */
const conditionOf = (pattern: string, ignoreCase = false): string[] | undefined =>
  trigramCondition(compile(pattern, { ignoreCase }))?.map((group) =>
    group.map(({ text, fold }) => `${fold ? '~' : ''}${text}`).join('|'),
  );

describe('the condition', () => {
  test.each([
    ['hello', ['hello']],
    ['foo.*bar', ['foo', 'bar']],
    ['foo|bar', ['foo|bar']],
    ['(foo.*x|bar)quux', ['quux', 'foo|bar']],
    ['colou?r', ['colour|color']],
    ['(abc)+d', ['abc']],
    ['(abc){2}d', ['abcabcd']],
    ['ab[cd]e', ['abce|abde']],
    ['^import\\s+\\w+$', ['import']],
    ['\\bfoo\\b', ['foo']],
    ['(?i)foo', ['~foo']],
    ['[fF]oo', ['~foo']],
    ['a.b.c', undefined],
    ['(foo)?', undefined],
    ['foo|b', undefined],
    ['\\pL+', undefined],
    ['fo\\x00', undefined],
    ['', undefined],
  ])('of %s', (pattern, condition) => {
    expect(conditionOf(pattern)).toEqual(condition);
  });

  test('ignoring case counts the characters that fold beyond ASCII', () => {
    expect(conditionOf('Ask', true)).toEqual(['~ask|~as\u212a|~a\u017fk|~a\u017f\u212a']);
    expect(conditionOf('d\u00e9j\u00e0', true)).toEqual([
      '~d\u00c9j\u00c0|~d\u00c9j\u00e0|~d\u00e9j\u00c0|~d\u00e9j\u00e0',
    ]);
    expect(conditionOf('\u65e5\u672c\u8a9e', true)).toEqual(['\u65e5\u672c\u8a9e']);
  });

  test('stays small, whatever the pattern', () => {
    for (const pattern of ['[ab]'.repeat(500), 'abc.*'.repeat(500), '(abc|def)'.repeat(400), 'x'.repeat(4000)]) {
      const condition = trigramCondition(compile(pattern))!;
      expect(condition.flat().length).toBeLessThan(150);
      expect(toFts5(condition).length).toBeLessThan(10_000);
    }
  });
});

test('an FTS5 expression joins trigrams, quoted', () => {
  const expression = (pattern: string) => toFts5(trigramCondition(compile(pattern))!);
  expect(expression('abcd')).toBe('(("abc" AND "bcd"))');
  expect(expression('abc|x"y').replaceAll(' ', '')).toBe('(("abc")OR("x""y"))');
  expect(expression('abc.*def')).toBe('(("abc")) AND (("def"))');
});

test.each<[string, boolean, LikePattern[][] | null]>([
  ['50%_o\\', false, [[{ operator: 'LIKE', pattern: '%50\\%\\_o\\\\%' }]]],
  ['hello', true, [[{ operator: 'ILIKE', pattern: '%hello%' }]]],
  ['title', true, [[{ operator: 'ILIKE', pattern: '%t%tle%' }]]],
  ['ring', true, null],
  ['title', false, [[{ operator: 'LIKE', pattern: '%title%' }]]],
  ['abc\u00e9\u03c3def', false, [[{ operator: 'LIKE', pattern: '%abc%def%' }]]],
  ['\u65e5\u672c\u8a9e', true, [[{ operator: 'LIKE', pattern: '%\u65e5\u672c\u8a9e%' }]]],
  ['\u03bf\u03b4\u03cc\u03c2', false, null],
])('LIKE patterns of %s (ignoring case: %s)', (pattern, ignoreCase, expected) => {
  expect(toLikes(trigramCondition(compile(pattern, { ignoreCase, fixed: true }))!)).toEqual(expected);
});

/** Characters at which foldings part. */
const CHARS = [
  ...'aabBcCiIkKsSxyz01 "%_\\*\'',
  ...'\u0130\u0131\u017f\u212a\u00df\u1e9e\u00e9\u00c9\u03c3\u03c2\u03a3\u01c5\u01c4\ufb03\u0345\u0301\u13a0\uab70\u{10400}\u{10428}\u65e5\u{1f600}',
];
const chars = (minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...CHARS), minLength, maxLength });
const quote = (text: string): string => text.replaceAll(/[\\.+*?()|[\]{}^$]/g, '\\$&');
/** A pattern, and a content that holds what it was made of, in any case. */
const pair = fc
  .record({
    words: fc.array(chars(1, 6), { minLength: 1, maxLength: 3 }),
    glue: fc.constantFrom('.*', '', '|', 'x?', '[aB]?'),
    recase: fc.constantFrom<(text: string) => string>(
      (text) => text,
      (text) => text.toUpperCase(),
      (text) => text.toLowerCase(),
    ),
    around: fc.tuple(chars(0, 3), chars(0, 3)),
  })
  .map(({ words, glue, recase, around: [before, after] }) => ({
    pattern: words.map(quote).join(glue),
    content: `${before}${recase(words.join(''))}${after}`,
  }));

describe('no match is lost', () => {
  /** Pairs of which the pattern matches the content, and the index can be asked. */
  function matching(runs: number) {
    const found = new Map<string, { content: string; condition: NonNullable<ReturnType<typeof trigramCondition>> }>();
    for (const [{ pattern, content }, ignoreCase] of fc.sample(fc.tuple(pair, fc.boolean()), runs)) {
      const compiled = compile(pattern, { ignoreCase });
      const condition = trigramCondition(compiled);
      if (condition && compiled.match(content))
        found.set(`${pattern} ${ignoreCase} ${content}`, { content, condition });
    }
    expect(found.size).toBeGreaterThan(runs / 20);
    return found;
  }

  test.each(['full', 'none'])('by FTS5 with detail=%s', (detail) => {
    using database = new DatabaseSync(':memory:');
    database.exec(`CREATE VIRTUAL TABLE texts USING fts5(text, tokenize='trigram', content='', detail=${detail})`);
    const insert = database.prepare('INSERT INTO texts (rowid, text) VALUES (?, ?)');
    const ask = database.prepare('SELECT 1 FROM texts WHERE rowid = ? AND texts MATCH ?');
    const lost: string[] = [];
    let row = 0;
    for (const [name, { content, condition }] of matching(2_000)) {
      insert.run(++row, content);
      if (!ask.get(row, toFts5(condition))) lost.push(name);
    }
    expect(lost).toEqual([]);
  });

  test('by pg_trgm and its index', async () => {
    const { url, drop } = await freshDatabase();
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      await client.query('CREATE EXTENSION pg_trgm; CREATE TABLE texts (id int PRIMARY KEY, text text)');
      const pairs = Array.from(matching(2_000));
      await client.query('INSERT INTO texts SELECT * FROM unnest($1::int[], $2::text[])', [
        pairs.map((_, index) => index),
        pairs.map(([, { content }]) => content),
      ]);
      await client.query('CREATE INDEX ON texts USING gin (text gin_trgm_ops); SET enable_seqscan = off');
      const lost: string[] = [];
      for (const [index, [name, { condition }]] of pairs.entries()) {
        const groups = toLikes(condition);
        if (!groups) continue;
        const patterns = groups.flat();
        let next = 0;
        const where = groups.map(
          (group) => `(${group.map(({ operator }) => `text ${operator} $${++next}`).join(' OR ')})`,
        );
        const found = await client.query<{ id: number }>(
          `SELECT id FROM texts WHERE ${where.join(' AND ')}`,
          patterns.map(({ pattern }) => pattern),
        );
        if (!found.rows.some(({ id }) => id === index)) lost.push(name);
      }
      expect(lost).toEqual([]);
    } finally {
      await client.end();
      await drop();
    }
  });
});
