/** Two processes that write into one file: neither is refused, neither loses anything, each sees the other's rows. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openSqlite } from './sqlite.ts';

const ROWS = 200;
const OTHER = fileURLToPath(new URL('./two-processes.fixture.ts', import.meta.url));

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
