/** From the common subset to PostgreSQL's own words. */
import { expect, test } from 'vitest';
import { keepStatements, statementOf } from './statements.ts';

test.each([
  ['SELECT 1', 'SELECT 1'],
  ['SELECT a FROM t WHERE b = ? AND c IN (?, ?)', 'SELECT a FROM t WHERE b = $1 AND c IN ($2, $3)'],
  ["SELECT '?' || ? || '''?'", "SELECT '?' || $1 || '''?'"],
  ['SELECT "a?" FROM t -- why?\nWHERE b = ? /* or\n? */', 'SELECT "a?" FROM t -- why?\nWHERE b = $1 /* or\n? */'],
  ['SELECT CAST(? AS TEXT), CAST(? AS BIGINT), ?', 'SELECT (CAST($1 AS TEXT) COLLATE "C"), CAST($2 AS BIGINT), $3'],
])('%s', (sql, text) => {
  expect(statementOf(sql).text).toBe(text);
});

test('a text has one name, two texts have two, and past the limit texts have none', () => {
  const keep = keepStatements(2);
  const [a, b, c] = ['SELECT ?', 'SELECT 1', 'SELECT 2'].map(keep);
  expect(keep('SELECT ?')).toBe(a);
  expect([a?.name, b?.name, c?.name]).toEqual(['s0', 's1', undefined]);
  expect(keep('SELECT ?')).toBe(a);
  expect(keep('SELECT 2').name).toBeUndefined();
});
