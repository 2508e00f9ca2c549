/** Lines of the log, as whoever reads them gets them. */
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openLog } from './log.ts';

let directory: string;
let to: number;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nexus-log-'));
  to = openSync(file(), 'a');
});
afterEach(() => {
  closeSync(to);
  rmSync(directory, { recursive: true, force: true });
});

const file = (): string => join(directory, 'log');
const linesOf = (): unknown[] =>
  readFileSync(file(), 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));

test('a line has time, level, name and event, and each field as JSON has it', () => {
  const { log, flush } = openLog('debug', 'a "name"', to);
  const odd = 'quote " backslash \\ line\nend \u2028 ü \ud800';
  log('info', 'http.request', {
    method: 'GET',
    status: 200,
    odd,
    none: undefined,
    nothing: null,
    list: [1, { a: 'b' }],
  });
  flush();
  expect(linesOf()).toEqual([
    {
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      name: 'a "name"',
      event: 'http.request',
      method: 'GET',
      status: 200,
      odd,
      nothing: null,
      list: [1, { a: 'b' }],
      msg: 'http.request',
    },
  ]);
});

test('lines below the level are left out, and the others keep their order', () => {
  const { log, flush } = openLog('warn', 'nexus', to);
  for (const level of ['debug', 'info', 'warn', 'error'] as const) log(level, `event.${level}`, {});
  for (let n = 0; n < 1_000; n++) log('warn', 'many', { n });
  flush();
  const lines = linesOf() as { event: string; n?: number }[];
  expect(lines.slice(0, 2)).toMatchObject([{ event: 'event.warn' }, { event: 'event.error' }]);
  expect(lines.slice(2).map(({ n }) => n)).toEqual(Array.from({ length: 1_000 }, (_, n) => n));
});

test('lines go out by themselves', async () => {
  const { log } = openLog('info', 'nexus', to);
  log('info', 'one', {});
  await expect.poll(() => linesOf().length).toBe(1);
  log('error', 'two', {});
  await expect.poll(() => linesOf().length).toBe(2);
});

test('silent says nothing', () => {
  const { log, flush } = openLog('silent', 'nexus', to);
  log('error', 'one', {});
  flush();
  expect(linesOf()).toEqual([]);
});

test('a reader that stalls costs lines, is told how many, and gets the next ones', async () => {
  const pipe = join(directory, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const end = openSync(pipe, 'r+');
  const { log } = openLog('info', 'nexus', end);
  const long = 'x'.repeat(10_000);
  const written = 2_500;
  for (let n = 0; n < written; n++) log('info', 'long', { n, long });
  const got: { event: string; n?: number; lines?: number }[] = [];
  const reader = spawn('cat', [pipe], { stdio: ['ignore', 'pipe', 'ignore'] });
  createInterface(reader.stdout).on('line', (line) => got.push(JSON.parse(line)));
  const told = () => got.filter(({ event }) => event === 'log.lost').reduce((sum, { lines = 0 }) => sum + lines, 0);
  // What is read makes room.
  const say = () => {
    log('info', 'short', {});
    return told();
  };
  await expect.poll(say, { timeout: 10_000 }).toBeGreaterThan(0);
  const kept = got.filter(({ event }) => event === 'long');
  expect(kept.length + told()).toBe(written);
  expect(kept.map(({ n }) => n)).toEqual(kept.map((_, n) => n));
  reader.kill();
  closeSync(end);
});
