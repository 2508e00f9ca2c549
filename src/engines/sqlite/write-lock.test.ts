/** What waits while another process holds the write lock: each write as long as it may, counted from when it came. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { openSqlite } from './sqlite.ts';

const BUSY_MS = 1_000;

test('a write that came while another waited has no more time than that one had', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'sqlite-lock-'));
  const file = join(directory, 'test.db');
  const onBroken = (reason: unknown): never => {
    throw reason;
  };
  const sql = openSqlite({ file, writer: true, busyMs: BUSY_MS, onBroken });
  await sql.migrate('CREATE TABLE things (name TEXT PRIMARY KEY)', async () => true);
  const other = new DatabaseSync(file);
  other.exec('BEGIN IMMEDIATE');
  const write = (name: string): Promise<string> =>
    sql
      .write('lane', (tx) => tx.run('INSERT INTO things VALUES (?)', [name]))
      .then(
        () => 'written',
        ({ code, data }: { code: string; data: object }) => `${code} ${JSON.stringify(data)}`,
      );
  const first = write('first');
  await sleep(BUSY_MS / 10);
  const second = write('second');
  await sleep(0.9 * BUSY_MS);
  const third = write('third');
  await sleep(0.6 * BUSY_MS);
  other.exec('COMMIT');
  const refused = 'UNAVAILABLE {"reason":"busy"}';
  expect(await Promise.all([first, second, third])).toEqual([refused, refused, 'written']);
  expect(await write('fourth')).toBe('written');
  const names = await sql.read((tx) => tx.all<{ name: string }>('SELECT name FROM things ORDER BY name'));
  expect(names.map(({ name }) => name)).toEqual(['fourth', 'third']);
  other.close();
  await sql.close();
  rmSync(directory, { recursive: true });
});
