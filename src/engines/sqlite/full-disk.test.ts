/**
 * A full disk, by SQLite's own limit on the pages of a database: it fails as the disk does, inside the transaction. Real
 * ones are in test/crash.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Sql } from '../../ports/sql.ts';
import { openSqlite } from './sqlite.ts';

const DISK_FULL = { code: 'UNAVAILABLE', data: { reason: 'disk_full' } };
const PAGE_BYTES = 4_096;
const BIG = 50 * PAGE_BYTES;

let directory: string;
let sql: Sql;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sqlite-full-'));
  const onBroken = (reason: unknown): never => {
    throw reason;
  };
  sql = openSqlite({ file: join(directory, 'test.db'), writer: true, busyMs: 10_000, onBroken });
  await sql.migrate('CREATE TABLE things (id TEXT PRIMARY KEY, b BLOB)', async () => true);
  await insert('first', 10);
});
afterEach(async () => {
  await sql.close();
  rmSync(directory, { recursive: true });
});

const insert = (id: string, bytes: number, grows = true): Promise<number> =>
  sql.write('lane', (tx) => tx.run('INSERT INTO things VALUES (?, ?)', [id, Buffer.alloc(bytes)]), { grows });
const remove = (id: string): Promise<number> =>
  sql.write('lane', (tx) => tx.run('DELETE FROM things WHERE id = ?', [id]), { grows: false });

/** Leaves room for that many pages more. */
async function leaveRoom(pages: number): Promise<void> {
  await sql.write('lane', async (tx) => {
    const row = await tx.get<{ page_count: number }>('PRAGMA page_count');
    await tx.get(`PRAGMA max_page_count = ${(row?.page_count ?? 0) + pages}`);
  });
}

const hasReserve = (): boolean => existsSync(join(directory, 'reserve'));
const ids = async (): Promise<string[]> => {
  const rows = await sql.read((tx) => tx.all<{ id: string }>('SELECT id FROM things ORDER BY id'));
  return rows.map(({ id }) => id);
};

test('what grows is refused from then on, while deletes and reads go on', async () => {
  expect(hasReserve()).toBe(true);
  await leaveRoom(2);
  await expect(insert('big', BIG)).rejects.toMatchObject(DISK_FULL);
  expect(hasReserve()).toBe(false);
  await expect(insert('tiny', 1)).rejects.toMatchObject(DISK_FULL);
  expect(await ids()).toEqual(['first']);
  expect(await remove('first')).toBe(1);
  expect(await ids()).toEqual([]);
});

test('what grows is taken again when there is room', async () => {
  await leaveRoom(2);
  await expect(insert('big', BIG)).rejects.toMatchObject(DISK_FULL);
  await leaveRoom(100);
  await vi.waitFor(() => insert('big', BIG), { timeout: 10_000, interval: 100 });
  expect(await ids()).toEqual(['big', 'first']);
  expect(hasReserve()).toBe(true);
});

test('one write without room fails alone, the others of its batch are done', async () => {
  await leaveRoom(2);
  const batch = [insert('small', 1, false), insert('big', BIG, false), remove('first'), insert('grown', 1)];
  const outcomes = await Promise.allSettled(batch);
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected']);
  await expect(batch[1]).rejects.toMatchObject(DISK_FULL);
  await expect(batch[3]).rejects.toMatchObject(DISK_FULL);
  expect(await ids()).toEqual(['small']);
});
