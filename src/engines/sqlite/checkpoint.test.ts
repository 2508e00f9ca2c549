/** Checkpoints beside sustained writing: the WAL stays bounded, and all of it reaches the database. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openSqlite } from './sqlite.ts';

const MiB = 1024 * 1024;
const WRITERS = 16;
const ROWS = 400;
const ROW_BYTES = 64 * 1024;

test('the WAL stays small while much is written without a pause', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'sqlite-wal-'));
  const file = join(directory, 'test.db');
  const broken: unknown[] = [];
  const sql = openSqlite({ file, writer: true, busyMs: 10_000, onBroken: (reason) => broken.push(reason) });
  await sql.migrate('CREATE TABLE things (id TEXT PRIMARY KEY, b BLOB)', async () => true);
  let largest = 0;
  const writeMany = async (writer: number): Promise<void> => {
    for (let row = 0; row < ROWS; row++) {
      const bytes = Buffer.alloc(ROW_BYTES, row);
      await sql.write('lane', (tx) => tx.run('INSERT INTO things VALUES (?, ?)', [`${writer}-${row}`, bytes]));
      largest = Math.max(largest, statSync(`${file}-wal`).size);
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, (_, writer) => writeMany(writer)));
  const total = WRITERS * ROWS * ROW_BYTES;
  expect(total / MiB).toBe(400);
  expect(largest / MiB).toBeLessThan(150);
  const rows = await sql.read((tx) => tx.get<{ n: number }>('SELECT COUNT(*) AS n FROM things'));
  expect(rows?.n).toBe(WRITERS * ROWS);
  await sql.close();
  expect(broken).toEqual([]);
  expect(statSync(`${file}-wal`, { throwIfNoEntry: false })).toBeUndefined();
  expect(statSync(file).size).toBeGreaterThan(total);
  rmSync(directory, { recursive: true });
});
