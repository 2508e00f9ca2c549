/**
 * A disk that fails under the server, by strace's injection: a sync that fails ends the process, after it told those who
 * waited that nobody knows; a disk without room refuses what grows and serves everything else.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { check, listTree } from './check.ts';
import { type Journal, type Load, runLoad } from './load.ts';
import { outOfOrder, unsynced } from './order.ts';
import { buildProgram, type Child, type Outcome, startChild } from './program.ts';
import { trace } from './strace.ts';

const home = mkdtempSync(join(tmpdir(), 'nexus-failing-'));
const program = buildProgram();
afterAll(() => {
  program.remove();
  rmSync(home, { recursive: true });
});

const CALLS = ['fsync', 'fdatasync', 'pwrite64', 'write', 'writev', 'sendto', 'sendmsg'];

/** Runs the load until the server has ended, and says how. */
async function writeUntilTheEnd(child: Child, load: Load): Promise<Journal[]> {
  let over = false;
  void child.ended.then(() => {
    over = true;
  });
  return runLoad(child, load, { isOver: () => over, onAcknowledged: () => undefined });
}

/** One server whose 20th sync fails. Gives those whose commit it was to sync; it may have held none of a client. */
async function failOneSync(round: number) {
  const directory = join(home, `sync${round}`);
  const child = await startChild(program, { directory });
  // The writing thread alone syncs anything while all contents stay inside SQL.
  const tracing = await trace(child.pid, { calls: CALLS, inject: 'fsync,fdatasync:error=EIO:when=20' });
  const load: Load = { root: '/r', prefix: 'eio.', writers: 32, seed: 3 + round, inline: true };
  const journals = await writeUntilTheEnd(child, load);
  expect(await child.ended).toEqual({ code: 1, signal: null });
  const calls = await tracing.end();
  const acknowledged = journals.flatMap((journal) => journal.acknowledged);
  expect(acknowledged.length).toBeGreaterThan(0);
  expect(outOfOrder(calls, directory, acknowledged)).toEqual([]);
  expect(journals.flatMap(({ refused }) => refused).filter(({ code }) => code !== 'UNAVAILABLE')).toEqual([]);

  const again = await startChild(program, { directory });
  const checked = await check({ child: again, directory, load, journals, newestBefore: 0, verified: new Set() });
  expect(checked.violations).toEqual([]);
  await again.stop();
  return unsynced(
    calls,
    directory,
    journals.flatMap(({ unknown }) => unknown ?? []),
  );
}

test('a failed sync: who waits is told so, the process ends, and nothing unsynced was acknowledged', async () => {
  let waited: Awaited<ReturnType<typeof failOneSync>> = [];
  for (let round = 0; waited.length === 0 && round < 5; round++) waited = await failOneSync(round);
  expect(waited).not.toEqual([]);
  expect(waited.filter(({ told }) => !told)).toEqual([]);
}, 240_000);

test('a checkpoint that cannot be synced ends the process as well, and loses nothing', async () => {
  const directory = join(home, 'checkpoint');
  const child = await startChild(program, { directory });
  const path = join(directory, 'nexus.db');
  const tracing = await trace(child.pid, { calls: CALLS, inject: 'fsync,fdatasync:error=EIO', path });
  const load: Load = { root: '/r', prefix: 'eio.', writers: 32, seed: 4, inline: true };
  const journals = await writeUntilTheEnd(child, load);
  expect(await child.ended).toEqual({ code: 1, signal: null });
  expect((await tracing.end()).filter(({ name, result }) => name !== 'pwrite64' && result < 0)).not.toEqual([]);
  const again = await startChild(program, { directory });
  const checked = await check({ child: again, directory, load, journals, newestBefore: 0, verified: new Set() });
  expect(checked.violations).toEqual([]);
  await again.stop();
}, 120_000);

const isDiskFull = (outcome: Outcome): boolean =>
  outcome.kind === 'refused' && outcome.code === 'UNAVAILABLE' && outcome.data.reason === 'disk_full';

const write = (child: Child, path: string): Promise<Outcome> =>
  child.call({ method: 'write', params: { path, content: path } });

test('no room once: nothing is lost, deletes and reads go on at once, writes after a while', async () => {
  const directory = join(home, 'room');
  const child = await startChild(program, { directory });
  const paths = Array.from({ length: 40 }, (_, i) => `/old/f${i}`);
  await child.ok('write_batch', { files: paths.map((path) => [path, path]) });
  const wal = join(directory, 'nexus.db-wal');
  const tracing = await trace(child.pid, { calls: ['pwrite64'], inject: 'pwrite64:error=ENOSPC:when=1', path: wal });
  const calls = paths.map((path, i) => [
    write(child, `/new/f${i}`),
    child.call({ method: 'delete', params: { path } }),
    child.call({ method: 'exists', params: { path: '/old' } }),
  ]);
  const outcomes = await Promise.all(calls.map((three) => Promise.all(three)));
  const writes = outcomes.map(([written]) => written!);
  expect(writes.some(isDiskFull)).toBe(true);
  expect(writes.filter((outcome) => outcome.kind !== 'done' && !isDiskFull(outcome))).toEqual([]);
  expect(outcomes.flatMap(([, ...others]) => others).filter(({ kind }) => kind !== 'done')).toEqual([]);
  expect((await tracing.end()).filter(({ result }) => result < 0).length).toBe(1);
  await vi.waitFor(async () => expect(await write(child, '/late')).toMatchObject({ kind: 'done' }), {
    timeout: 20_000,
  });
  const there = [...(await listTree(child, '/new')).keys()];
  expect(there).toEqual(
    paths
      .map((_, i) => `/new/f${i}`)
      .filter((_, i) => writes[i]?.kind === 'done')
      .sort(),
  );
  expect(await child.stop()).toEqual({ code: 0, signal: null });
}, 120_000);

test('no room at all: every change is refused, every read is answered, and the server lives on', async () => {
  const directory = join(home, 'none');
  const child = await startChild(program, { directory });
  await child.ok('write', { path: '/a', content: 'a' });
  const wal = join(directory, 'nexus.db-wal');
  const tracing = await trace(child.pid, { calls: ['pwrite64'], inject: 'pwrite64:error=ENOSPC', path: wal });
  for (let i = 0; i < 5; i++) {
    expect(await write(child, `/b${i}`)).toSatisfy(isDiskFull);
    expect(await child.call({ method: 'delete', params: { path: '/a' } })).toSatisfy(isDiskFull);
    expect(await child.ok('read', { path: '/a', encoding: 'utf-8' })).toBe('a');
  }
  await tracing.end();
  expect(await child.ok('delete', { path: '/a' })).toMatchObject({ deleted: true });
  await vi.waitFor(async () => expect(await write(child, '/late')).toMatchObject({ kind: 'done' }), {
    timeout: 20_000,
  });
  expect([...(await listTree(child, '/')).keys()]).toEqual(['/late']);
  expect(await child.stop()).toEqual({ code: 0, signal: null });
}, 120_000);
