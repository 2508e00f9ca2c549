/**
 * Which index SQLite takes for what is asked most, given the figures of migrations/0005: a wrong one is right in every
 * other test, and goes through a whole branch for each path.
 */
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sqliteDialect } from '../../../engines/sqlite/connection.ts';
import type { SqlValue, Tx } from '../../../ports/sql.ts';
import { LEDGER, readMigrations } from '../../../roof/migrations.ts';
import { endState, findState, listBelow, listChildren, listStatesOf } from '../files.sql.ts';
import { chainView, frozen, mainView } from '../view.ts';
import { listPairs } from './diff.sql.ts';
import { applyPlan, planRestore } from './plan.sql.ts';

let db: DatabaseSync;
beforeAll(() => {
  db = new DatabaseSync(':memory:');
  db.exec(LEDGER);
  for (const { statements } of readMigrations(sqliteDialect)) db.exec(statements);
  db.exec('ANALYZE sqlite_schema');
});
afterAll(() => db.close());

/** The indexes of states that the statements of `work` look into, and how far: `live(4)`. */
async function looked(work: (tx: Tx) => Promise<unknown>): Promise<string[]> {
  const found = new Set<string>();
  const explain = (sql: string, params: readonly SqlValue[] = []): void => {
    for (const { detail } of db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...params)) {
      const [, index, columns] = /INDEX file_states_(\w+) \((.*)\)/.exec(String(detail)) ?? [];
      if (index && columns) found.add(`${index}(${columns.split(' AND ').length})`);
      else if (/^SCAN (s|file_states)\b/.test(String(detail))) found.add(String(detail));
    }
  };
  const tx: Tx = {
    dialect: sqliteDialect,
    statements: 0,
    time: undefined,
    supposing: false,
    suppose: () => undefined,
    get: async (sql, params) => {
      explain(sql, params);
      return undefined;
    },
    all: async (sql, params) => {
      explain(sql, params);
      return [];
    },
    run: async (sql, params) => {
      explain(sql, params);
      return 0;
    },
    insert: async () => undefined,
    update: async () => undefined,
    updateGiving: async () => [],
    kept: () => undefined,
    know: () => undefined,
    keep: async () => undefined,
    nested: (inner) => inner(),
  };
  await work(tx);
  return [...found].sort();
}

const live = mainView('z');
const past = mainView('z', 5);
const link = { branch: 'b1', name: 'one', parent: 'main', base_revision: 5 };
const branch = chainView('z', [link], null);
const page = { folder: '/a', after: '/a/b', limit: 10, only: null };

test.each([
  ['one path', (tx: Tx) => findState(tx, live, '/a'), ['live(4)']],
  [
    'the end of one state',
    (tx: Tx) => endState(tx, { zone_id: 'z', branch: 'main' }, { path: '/a', revision: 9 }),
    ['live(4)'],
  ],
  ['one path of a branch', (tx: Tx) => findState(tx, branch, '/a'), ['live(4)', 'past(4)']],
  ['many paths', (tx: Tx) => listStatesOf(tx, live, ['/a', '/b']), ['live(4)']],
  ['many paths as they were', (tx: Tx) => listStatesOf(tx, past, ['/a', '/b']), ['past(4)']],
  ['a folder', (tx: Tx) => listChildren(tx, live, page), ['children(5)']],
  ['a folder as it was', (tx: Tx) => listChildren(tx, past, page), ['children(4)']],
  ['all below', (tx: Tx) => listBelow(tx, live, { ...page, towards: [] }), ['live(4)']],
  ['all below as it was', (tx: Tx) => listBelow(tx, past, { ...page, towards: [] }), ['past(4)']],
])('%s', async (_name, work, expected) => {
  expect(await looked(work)).toEqual(expected);
});

test('what changed, and what both sides have there', async () => {
  const views = { before: frozen(past, 9), after: frozen(live, 9) };
  expect(await looked((tx) => listPairs(tx, views, { path: '/', limit: 10 }))).toEqual([
    'began(4)',
    'ended(3)',
    'file(2)',
    'past(4)',
  ]);
  const restore = (tx: Tx) => planRestore(tx, { now: views.after, past: views.before }, '/');
  expect(await looked(restore)).toEqual(['began(4)', 'ended(3)', 'past(4)']);
  const applying = { revision: 9, ordinals: 0, reason: 'restore', now: 1, by: 'u' } as const;
  expect(await looked((tx) => applyPlan(tx, live, applying))).toEqual(['live(4)']);
});
