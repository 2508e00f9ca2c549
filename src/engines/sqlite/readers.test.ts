/** Shared snapshots and remembered rows: nobody is given what was true before a commit that had been answered. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Sql, Tx } from '../../ports/sql.ts';
import { openSqlite } from './sqlite.ts';

let directory: string;
let file: string;
let sql: Sql;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sqlite-readers-'));
  file = join(directory, 'test.db');
  sql = openSqlite({
    file,
    writer: true,
    busyMs: 1_000,
    onBroken: (reason) => {
      throw reason;
    },
  });
  await sql.migrate('CREATE TABLE things (id TEXT PRIMARY KEY, n INTEGER)', async () => true);
  await put('a', 0);
});
afterEach(async () => {
  await sql.close();
  rmSync(directory, { recursive: true });
});

const put = (id: string, n: number): Promise<unknown> =>
  sql.write('lane', (tx) =>
    tx.run('INSERT INTO things VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET n = ?', [id, n, n]),
  );
const numberOf = async (tx: Tx, id: string): Promise<number | undefined> =>
  (await tx.get<{ n: number }>('SELECT n FROM things WHERE id = ?', [id]))?.n;
const read = (id = 'a'): Promise<number | undefined> => sql.read((tx) => numberOf(tx, id));

test('what is read again after each write is what was written', async () => {
  for (let n = 1; n <= 200; n++) {
    await put('a', n);
    expect(await Promise.all([read(), read(), read()])).toEqual([n, n, n]);
  }
});

test('a snapshot that is still open is not joined by who comes after a write', async () => {
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  const long = sql.read(async (tx) => {
    const before = await numberOf(tx, 'a');
    await held;
    return [before, await numberOf(tx, 'a')];
  });
  expect(await read()).toBe(0);
  await put('a', 1);
  expect(await read()).toBe(1);
  release();
  expect(await long).toEqual([0, 0]);
});

test('a missing row is remembered no longer than until it is there', async () => {
  expect(await read('b')).toBeUndefined();
  expect(await read('b')).toBeUndefined();
  await put('b', 7);
  expect(await read('b')).toBe(7);
});

test('a commit of another connection forgets what was remembered', async () => {
  const other = new DatabaseSync(file, { timeout: 5_000 });
  for (let n = 1; n <= 50; n++) {
    other.exec(`UPDATE things SET n = ${n}`);
    await new Promise((resolve) => setImmediate(resolve));
    expect(await read()).toBe(n);
    expect(await read()).toBe(n);
  }
  other.close();
});

test('a row that several are given cannot be changed by one', async () => {
  await sql.read(async (tx) => {
    const row = await tx.get<{ n: number }>('SELECT n FROM things WHERE id = ?', ['a']);
    expect(() => Object.assign(row ?? {}, { n: 9 })).toThrow(TypeError);
  });
  expect(await read()).toBe(0);
});

test('parameters that look alike in a row are told apart', async () => {
  await put('1', 1);
  const typed = (value: string | number): Promise<unknown> =>
    sql.read((tx) => tx.get('SELECT typeof(?) AS type, ? AS value', [value, value]));
  expect(await typed('1')).toMatchObject({ type: 'text' });
  expect(await typed(1)).toMatchObject({ value: 1 });
  expect(await typed('1')).toMatchObject({ value: '1' });
});

test('a write that throws after it changed something takes nothing of its batch with it', async () => {
  const failing = sql.write('lane', async (tx) => {
    await tx.run('INSERT INTO things VALUES (?, ?)', ['gone', 1]);
    throw new Error('no');
  });
  const others = Array.from({ length: 20 }, (_, n) => put(`other-${n}`, n));
  await expect(failing).rejects.toThrow('no');
  await Promise.all(others);
  expect(await read('gone')).toBeUndefined();
  expect(await Promise.all(others.map((_, n) => read(`other-${n}`)))).toEqual(others.map((_, n) => n));
});

test('connections that many reads at once have opened are closed when nobody has needed them for long', async () => {
  const size = (): number => sql.stats().pool.size;
  const together = async (n: number): Promise<void> => {
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    const reads = [];
    for (let at = 0; at < n; at++) {
      reads.push(sql.read(() => held));
      // The next one has a snapshot of its own.
      await put('a', at);
    }
    release();
    await Promise.all(reads);
  };
  const before = size();
  await together(8);
  const most = size();
  expect(most).toBeGreaterThanOrEqual(before + 7);
  const { statements } = sql.stats();
  const clock = vi.spyOn(performance, 'now');
  const now = performance.now();
  const readAt = async (time: number): Promise<void> => {
    clock.mockImplementation(() => time);
    await read();
    // Until then its snapshot is open for others.
    await turn();
  };
  await readAt(now + 119_000);
  expect(size()).toBe(most);
  for (let times = 0; times < 20; times++) await readAt(now + 130_000);
  clock.mockRestore();
  expect(size()).toBeLessThanOrEqual(before + 1);
  // What they did counts still.
  expect(sql.stats().statements).toBeGreaterThan(statements);
  await together(8);
  expect(size()).toBe(most);
});
