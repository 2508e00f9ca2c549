/** A statement is planned when it is prepared, and not again each time that it runs. SQLite asks its authorizer whenever it plans. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { constants } from 'node:sqlite';
import { afterAll, expect, test } from 'vitest';
import { Connection } from './connection.ts';

const directory = mkdtempSync(join(tmpdir(), 'nexus-planned-'));
const connection = new Connection(join(directory, 'db'), []);
connection.exec('CREATE TABLE things (zone TEXT, n INTEGER, kind TEXT, PRIMARY KEY (zone, n))');
afterAll(() => {
  connection.close();
  rmSync(directory, { recursive: true });
});

// To begin to listen ends all plans, so it comes before the first.
let asked = 0;
connection.db.setAuthorizer(() => {
  asked++;
  return constants.SQLITE_OK;
});

function plansOf(work: () => unknown): number {
  asked = 0;
  work();
  return asked;
}

test.each([
  ['SELECT n FROM things WHERE zone = ? ORDER BY n LIMIT ?', ['a', 5]],
  ['SELECT n FROM things WHERE zone = ? ORDER BY n LIMIT ? OFFSET ?', ['a', 5, 1]],
  ['SELECT n FROM (SELECT n FROM things WHERE n > ? LIMIT ?) UNION ALL SELECT n FROM things LIMIT ?', [1, 2, 3]],
])('%s', (sql, params) => {
  const statement = connection.prepare(sql);
  statement.all(params);
  expect(plansOf(() => statement.all(params))).toBe(0);
  expect(plansOf(() => connection.db.prepare(sql))).toBeGreaterThan(0);
});
