/** What is read is durable: a snapshot is given out only when the newest commit that it may show is synced. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Sql } from '../../ports/sql.ts';
import { openSqlite } from './sqlite.ts';
import { SYNCS_BYTES, Syncs } from './syncs.ts';

let directory: string;
let shared: SharedArrayBuffer;
let broken: unknown[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sqlite-syncs-'));
  shared = new SharedArrayBuffer(SYNCS_BYTES);
  broken = [];
});
afterEach(() => rmSync(directory, { recursive: true }));

const open = (writer: boolean): Sql =>
  openSqlite({
    file: join(directory, 'test.db'),
    writer,
    busyMs: 1_000,
    onBroken: (reason) => broken.push(reason),
    syncs: shared,
  });

const isPending = async (promise: Promise<unknown>): Promise<boolean> =>
  (await Promise.race([promise, sleep(50, 'pending')])) === 'pending';

const count = (sql: Sql): Promise<unknown> => sql.read((tx) => tx.get('SELECT COUNT(*) AS n FROM things'));

test('a read waits for the sync of a commit that its snapshot may show, and for no other', async () => {
  const [writing, reading] = [open(true), open(false)];
  await writing.migrate('CREATE TABLE things (id TEXT)', async () => true);
  const syncs = new Syncs(shared);
  expect(await count(reading)).toEqual({ n: 0 });
  // The snapshot of the read above is over by then.
  await sleep(1);
  const commit = syncs.begin();
  const read = count(reading);
  expect(await isPending(read)).toBe(true);
  syncs.want(commit);
  expect(await read).toEqual({ n: 0 });
  expect(syncs.isSynced(commit)).toBe(true);
  await Promise.all([writing.close(), reading.close()]);
});

test('writes that come together are answered once they are synced, and are seen by then in every thread', async () => {
  const [writing, reading] = [open(true), open(false)];
  await writing.migrate('CREATE TABLE things (id TEXT)', async () => true);
  const syncs = new Syncs(shared);
  for (let round = 1; round <= 20; round++) {
    const writes = Array.from({ length: 8 }, () =>
      writing.write('lane', (tx) => tx.run("INSERT INTO things VALUES ('a')")),
    );
    const [first] = await Promise.all(writes);
    expect(first).toBe(1);
    expect(syncs.ofSnapshot()).toBeUndefined();
    expect(await count(reading)).toEqual({ n: 8 * round });
  }
  await Promise.all([writing.close(), reading.close()]);
});

test('where the sync fails, the reads that wait for it are refused', async () => {
  const writing = open(true);
  await writing.migrate('CREATE TABLE things (id TEXT)', async () => true);
  await writing.close();
  shared = new SharedArrayBuffer(SYNCS_BYTES);
  const reading = open(false);
  const syncs = new Syncs(shared);
  const commit = syncs.begin();
  const read = count(reading);
  syncs.want(commit);
  const fail = (): never => {
    throw new Error('EIO');
  };
  expect(() => syncs.serve(fail)).toThrow('EIO');
  await expect(read).rejects.toMatchObject({ code: 'UNAVAILABLE', data: { reason: 'stopping' } });
  expect(syncs.isSynced(commit)).toBe(false);
  await reading.close();
});

test('the numbers of commits wrap around', () => {
  const syncs = new Syncs(shared);
  const cells = new Int32Array(shared);
  cells.fill(2 ** 31 - 2, 0, 3);
  const commits = [syncs.begin(), syncs.begin(), syncs.begin()];
  expect(commits.map((commit) => syncs.isSynced(commit))).toEqual([false, false, false]);
  for (const [i, commit] of commits.entries()) {
    syncs.done(commit);
    expect(commits.map((other) => syncs.isSynced(other))).toEqual(commits.map((_, j) => j <= i));
  }
});
