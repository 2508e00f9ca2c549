/** Lines of the log, as whoever reads them gets them. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Log } from '../base/log.ts';
import { openLog } from './log.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nexus-log-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const file = (): string => join(directory, 'log');
const linesOf = (): unknown[] =>
  readFileSync(file(), 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));

/** Lets a log of this level speak, and gives its lines once it is closed. */
async function linesFrom(
  level: 'debug' | 'info' | 'warn' | 'silent',
  speak: (log: Log) => void | Promise<void>,
): Promise<unknown[]> {
  const { log, close } = openLog(level, 'a "name"', openSync(file(), 'a'));
  try {
    await speak(log);
  } finally {
    await close();
  }
  return linesOf();
}

test('a line has time, level, name and event, and each field as JSON has it', async () => {
  const odd = 'quote " backslash \\ line\nend \u2028 ü \ud800';
  const lines = await linesFrom('debug', (log) =>
    log('info', 'http.request', {
      method: 'GET',
      status: 200,
      err: odd,
      reason: undefined,
      zone: null,
      refusals: [1, { a: 'b' }],
    }),
  );
  expect(lines).toEqual([
    {
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      name: 'a "name"',
      event: 'http.request',
      method: 'GET',
      status: 200,
      err: odd,
      zone: null,
      refusals: [1, { a: 'b' }],
      msg: 'http.request',
    },
  ]);
});

test('lines below the level are left out, and the others keep their order', async () => {
  const lines = (await linesFrom('warn', (log) => {
    for (const level of ['debug', 'info', 'warn', 'error'] as const) log(level, 'fault.cause', { hint: level });
    for (let n = 0; n < 1_000; n++) log('warn', 'worker.failed', { rows: n });
  })) as { hint?: string; rows?: number }[];
  expect(lines.slice(0, 2)).toMatchObject([{ hint: 'warn' }, { hint: 'error' }]);
  expect(lines.slice(2).map(({ rows }) => rows)).toEqual(Array.from({ length: 1_000 }, (_, n) => n));
});

test('lines go out by themselves', async () => {
  await linesFrom('info', async (log) => {
    log('info', 'server.started', {});
    await expect.poll(() => linesOf().length).toBe(1);
    log('error', 'internal.error', {});
    await expect.poll(() => linesOf().length).toBe(2);
  });
});

test('silent says nothing', async () => {
  expect(await linesFrom('silent', (log) => log('error', 'server.started', {}))).toEqual([]);
});

test('where nothing can be written, nothing breaks', async () => {
  const { log, close } = openLog('info', 'nexus', openSync('/dev/full', 'w'));
  for (let n = 0; n < 3; n++) {
    log('error', 'internal.error', { rows: n });
    await setTimeout(10);
  }
  await close();
});

test('a reader that stalls costs lines, is told how many, and gets the next ones', async () => {
  const pipe = join(directory, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const { log, close } = openLog('info', 'nexus', openSync(pipe, 'r+'));
  const long = 'x'.repeat(10_000);
  const written = 2_500;
  for (let n = 0; n < written; n++) log('info', 'worker.started', { rows: n, err: long });
  const got: { event: string; rows?: number; lines?: number }[] = [];
  const reader = spawn('cat', [pipe], { stdio: ['ignore', 'pipe', 'ignore'] });
  createInterface(reader.stdout).on('line', (line) => got.push(JSON.parse(line)));
  const told = () => got.filter(({ event }) => event === 'log.lost').reduce((sum, { lines = 0 }) => sum + lines, 0);
  // What is read makes room.
  const say = () => {
    log('info', 'worker.stopped', {});
    return told();
  };
  await expect.poll(say, { timeout: 10_000 }).toBeGreaterThan(0);
  const kept = got.filter(({ event }) => event === 'worker.started');
  expect(kept.length + told()).toBe(written);
  const rows = kept.map((line) => line.rows ?? -1);
  expect(rows).toEqual([...new Set(rows)].sort((a, b) => a - b));
  await close();
  reader.kill();
});
