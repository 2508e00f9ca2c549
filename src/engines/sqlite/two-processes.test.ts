/**
 * Several processes at one file: none is refused, whether they write or begin it together; none loses anything, each sees
 * the others' rows.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openSqlite } from './sqlite.ts';

const ROWS = 200;
const fixture = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const OTHER = fixture('./two-processes.fixture.ts');
const OPENING = fixture('./opening.fixture.ts');

test('rows numbered by what each finds there are numbered without a gap', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'sqlite-two-'));
  const file = join(directory, 'test.db');
  const onBroken = (reason: unknown): never => {
    throw reason;
  };
  const sql = openSqlite({ file, writer: true, busyMs: 30_000, onBroken });
  await sql.migrate('CREATE TABLE things (n BIGINT PRIMARY KEY, by TEXT)', async () => true);
  const other = spawn(process.execPath, [OTHER, file, String(ROWS)], { stdio: 'inherit' });
  const ended = once(other, 'exit');
  let running = true;
  void ended.then(() => {
    running = false;
  });
  let own = 0;
  const writeOn = async (): Promise<void> => {
    while (running || own < ROWS) {
      await sql.write('lane', async (tx) => {
        const seen = await tx.get<{ n: number }>('SELECT MAX(n) AS n FROM things');
        await tx.run('INSERT INTO things VALUES (?, ?)', [(seen?.n ?? 0) + 1, 'own']);
      });
      own++;
    }
  };
  await Promise.all(Array.from({ length: 8 }, writeOn));
  expect(await ended).toEqual([0, null]);
  const counts = await sql.read((tx) =>
    tx.all<{ by: string; n: number }>('SELECT by, COUNT(*) AS n FROM things GROUP BY by ORDER BY by'),
  );
  expect(counts.map((row) => ({ ...row }))).toEqual([
    { by: 'other', n: ROWS },
    { by: 'own', n: own },
  ]);
  const last = await sql.read((tx) => tx.get<{ n: number }>('SELECT MAX(n) AS n FROM things'));
  expect(last?.n).toBe(ROWS + own);
  await sql.close();
  rmSync(directory, { recursive: true });
});

test('a file that three begin, open and close at the same time is opened by all', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'sqlite-opening-'));
  for (let round = 0; round < 4; round++) {
    // Node takes a moment to start.
    const args = [OPENING, join(directory, `${round}.db`), '30', String(Date.now() + 500)];
    const others = Array.from({ length: 3 }, () => spawn(process.execPath, args, { stdio: 'inherit' }));
    const endings = await Promise.all(others.map((other) => once(other, 'exit')));
    expect(endings).toEqual([
      [0, null],
      [0, null],
      [0, null],
    ]);
  }
  rmSync(directory, { recursive: true });
});
