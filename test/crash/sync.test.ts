/**
 * A kill keeps what the kernel holds, a loss of power does not: so every answer has to be sent after the sync of its
 * bytes. strace tells the order. Each sync is also left out once, which has to be found.
 */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openSqlite } from '../../src/engines/sqlite/sqlite.ts';
import { hashOf } from './acts.ts';
import { type Answered, outOfOrder } from './order.ts';
import { buildProgram, type Child, startChild } from './program.ts';
import { trace, traceCommand } from './strace.ts';

const CALLS = ['fsync', 'fdatasync', 'pwrite64', 'write', 'writev', 'sendto', 'sendmsg', 'rename', 'mkdir'];
const WRITERS = 16;
const WRITES = 6;

const home = mkdtempSync(join(tmpdir(), 'nexus-sync-'));
const program = buildProgram();
afterAll(() => {
  program.remove();
  rmSync(home, { recursive: true });
});

/** Every third write of a writer is large enough for a blob file. */
async function writeSome(child: Child, writer: number): Promise<Answered[]> {
  const answered: Answered[] = [];
  for (let n = 0; n < WRITES; n++) {
    const id = `sync.w${writer}n${n}.`;
    const large = n % 3 === 2;
    const content = `${id} `.repeat(large ? 8_000 : 3);
    const outcome = await child.call({ method: 'write', params: { path: `/w${writer}/f${n}`, content }, id });
    expect(outcome).toMatchObject({ kind: 'done' });
    answered.push(large ? { id, blob: hashOf(content) } : { id });
  }
  return answered;
}

/** What is out of order while 16 writers are at work on a server of which `leftOut` is taken out. */
async function findOutOfOrder(leftOut?: 'wal' | 'blobs' | 'folders') {
  const directory = join(home, leftOut ?? 'whole');
  const weakened = leftOut && { NEXUS_TEST_NO_SYNC: leftOut };
  const child = await startChild(program, { directory, weakened });
  const tracing = await trace(child.pid, { calls: CALLS });
  const answered = (await Promise.all(Array.from({ length: WRITERS }, (_, writer) => writeSome(child, writer)))).flat();
  // The client may have an answer before strace has seen its sending end; with the next one sent, it has.
  await child.call({ method: 'exists', params: { path: '/' }, id: 'last' });
  const calls = await tracing.end();
  await child.stop();
  return { answered, found: outOfOrder(calls, directory, answered) };
}

test('every answer is sent after the sync of its bytes', async () => {
  const { answered, found } = await findOutOfOrder();
  expect(answered.length).toBe(WRITERS * WRITES);
  expect(answered.filter(({ blob }) => blob).length).toBe((WRITERS * WRITES) / 3);
  expect(found).toEqual([]);
}, 120_000);

test('without the sync of the WAL each write is found', async () => {
  const { answered, found } = await findOutOfOrder('wal');
  const early = found.filter((what) => what.includes('answered before the WAL was synced'));
  expect(early.length).toBe(answered.length);
}, 120_000);

test('without the sync of blob files each blob is found', async () => {
  const { answered, found } = await findOutOfOrder('blobs');
  const unsynced = found.filter((what) => what.includes('got its name before its bytes were synced'));
  expect(unsynced.length).toBe(answered.filter(({ blob }) => blob).length);
}, 120_000);

test('without the sync of folders each blob is found', async () => {
  const { answered, found } = await findOutOfOrder('folders');
  const blobs = answered.filter(({ blob }) => blob);
  const unsynced = found.filter((what) => what.includes('before the folder was synced'));
  expect(unsynced.length).toBe(blobs.length);
}, 120_000);

/** A database as a killed process leaves it: what was committed last is in the WAL alone. */
async function makeLeftover(): Promise<string> {
  const [before, left] = [join(home, 'before'), join(home, 'left')];
  mkdirSync(before);
  mkdirSync(left);
  const onBroken = (reason: unknown): never => {
    throw reason;
  };
  const sql = openSqlite({ file: join(before, 'a.db'), writer: true, busyMs: 1_000, onBroken });
  await sql.migrate('CREATE TABLE things (id TEXT)', async () => true);
  for (const end of ['', '-wal']) copyFileSync(join(before, `a.db${end}`), join(left, `a.db${end}`));
  await sql.close();
  return join(left, 'a.db');
}

test('what a killed process left in the WAL is synced before anybody can see it', async () => {
  const file = await makeLeftover();
  expect(statSync(`${file}-wal`).size).toBeGreaterThan(0);
  const engine = new URL('../../src/engines/sqlite/sqlite.ts', import.meta.url).href;
  const script = `const { openSqlite } = await import(${JSON.stringify(engine)});
    const sql = openSqlite({ file: ${JSON.stringify(file)}, writer: true, busyMs: 1000, onBroken: () => process.exit(1) });
    await sql.read((tx) => tx.all('SELECT id FROM things'));
    process.exit(0);`;
  const command = [process.execPath, '--input-type=module', '-e', script];
  const calls = await traceCommand(command, { calls: ['openat', 'fsync', 'fdatasync'] });
  const synced = calls.find(
    ({ name, paths, result }) => name !== 'openat' && paths[0] === `${file}-wal` && result === 0,
  );
  // Reading what is in the WAL takes its index.
  const indexed = calls.find(({ name, paths }) => name === 'openat' && paths[0] === `${file}-shm`);
  expect(indexed).toBeDefined();
  expect(synced?.ended).toBeLessThan(indexed?.began ?? 0);
}, 60_000);
