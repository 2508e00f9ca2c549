/** SQLite plans a claim once, not each time that it runs: that was nine tenths of what a claim took. It asks its authorizer whenever it plans. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { constants } from 'node:sqlite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Connection, SqliteTx, sqliteDialect } from '../../engines/sqlite/connection.ts';
import { LEDGER, readMigrations } from '../../roof/migrations.ts';
import { type Claimable, hasClaimable, listDueHere, takeNext } from './claims.sql.ts';

const directory = mkdtempSync(join(tmpdir(), 'nexus-claims-'));
let connection: Connection;
let planned = 0;
beforeAll(() => {
  connection = new Connection(join(directory, 'db'), []);
  connection.db.exec(LEDGER);
  for (const { statements } of readMigrations(sqliteDialect)) connection.db.exec(statements);
  // To begin to listen ends all plans, so it comes before the first.
  connection.db.setAuthorizer(() => {
    planned++;
    return constants.SQLITE_OK;
  });
});
afterAll(() => {
  connection.close();
  rmSync(directory, { recursive: true });
});

const asked: Claimable = { zone_id: 'root', executors: ['nexus'], types: null, now: 1_000, limit: 5 };
const ownOf = (round: number) => ({ owner: `o${round}`, executors: new Set([`e${round}`]) });
const claim = { owner: 'w', subject: 'worker:w', until: 2_000, now: 1_000 };

test.each<[string, (tx: SqliteTx, round: number) => Promise<unknown>]>([
  ['the next of all', (tx, round) => takeNext(tx, { ...asked, limit: round }, claim)],
  ['some types', (tx, round) => takeNext(tx, { ...asked, types: ['echo', `t${round}`] }, claim)],
  ['of other executors', (tx, round) => takeNext(tx, { ...asked, executors: [`e${round}`], without: ['echo'] }, claim)],
  [
    'those of an owner',
    (tx, round) => takeNext(tx, { ...asked, executors: ['x', `e${round}`], own: ownOf(round) }, claim),
  ],
  ['whether there are any', (tx) => hasClaimable(tx, asked)],
  ['zones with due jobs', (tx, round) => listDueHere(tx, { now: 1_000 + round, limit: round })],
])('a claim is planned once: %s', async (_, work) => {
  const plans: number[] = [];
  for (const round of [1, 2, 3]) {
    planned = 0;
    await work(new SqliteTx(connection, {}), round);
    plans.push(planned);
  }
  expect(plans).toEqual([expect.toSatisfy((n) => Number(n) > 0), 0, 0]);
});
