/**
 * A server that is killed while it changes a store: in a push, and in changes that are written through. What was acknowledged is
 * in the store, a file there is the one before or the one after and never half of it, and the next server goes on from that.
 * Kills fall where the store shows that the work is under way; NEXUS_TEST_ROUNDS makes more of them.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSqlite } from '../../src/engines/sqlite/sqlite.ts';
import type { SyncResult } from '../../src/features/sync/sync-shapes.ts';
import { ADMIN_KEY, buildProgram, type Child, type Program, startChild } from './program.ts';

const KILLS = 3 * Number(process.env.NEXUS_TEST_ROUNDS ?? 1);
const FILES = 24;
/** Bytes of a content: more than one piece of a stream. */
const BYTES = 70_000;

let home: string;
let root: string;
let program: Program;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'nexus-mounts-'));
  program = {
    ...buildProgram(),
    settings: () => ({
      NEXUS_MOUNT_LOCAL_ROOTS: JSON.stringify([home]),
      NEXUS_WORKER_POLL_SECONDS: '0.1',
      NEXUS_LIMIT_REQUESTS_IN_FLIGHT: '1000',
    }),
  };
}, 120_000);
/** The server that runs, or ran last. */
let running: Child | undefined;
const start = async (directory: string): Promise<Child> => {
  running = await startChild(program, { directory });
  return running;
};
afterAll(async () => {
  // A test that failed has left it.
  await running?.kill();
  program.remove();
  rmSync(home, { recursive: true });
});

/** Names of the files of the store, what is being written left out. */
const names = (): string[] =>
  readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !`${entry.parentPath}/${entry.name}`.includes('/.nexus-'))
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));

const files = (): Map<string, string> => new Map(names().map((name) => [name, readFileSync(join(root, name), 'utf8')]));

/** What tells a file from the one that was there before; 0 for none. */
const inodeOf = (name: string): number => statSync(join(root, name), { throwIfNoEntry: false })?.ino ?? 0;

async function mounted(name: string, write_mode: string): Promise<{ child: Child; directory: string }> {
  const directory = join(home, `${name}-data`);
  root = join(home, name);
  mkdirSync(directory);
  mkdirSync(root);
  const child = await start(directory);
  const mount = { mount_point: '/m', backend_type: 'local', backend_config: { root_path: root }, write_mode };
  await child.ok('add_mount', mount);
  return { child, directory };
}

/** What the dead were changing is theirs for a while: the while is over. */
async function letTimePass(directory: string): Promise<void> {
  const onBroken = (reason: unknown): never => {
    throw reason;
  };
  const sql = openSqlite({ file: join(directory, 'nexus.db'), writer: true, busyMs: 1_000, onBroken });
  await sql.write('root', (tx) => tx.run('UPDATE mount_intents SET until = 1'));
  await sql.close();
}

/** As soon as it holds, and the server has had its turn too. */
async function when(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(1);
}

async function push(child: Child, body: object): Promise<SyncResult | undefined> {
  const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' };
  const asked = { method: 'POST', headers, body: JSON.stringify(body) };
  const answer = await fetch(`${child.url}/api/v2/sync/mounts/m/push`, asked).catch(() => undefined);
  return answer?.json().catch(() => undefined) as Promise<SyncResult | undefined>;
}

const contentOf = (round: number, n: number): string => `${round}.${n} `.repeat(BYTES / 8).slice(0, BYTES);

test('a push that is killed is completed by the next, without a conflict and whatever was changed meanwhile', async () => {
  let { child, directory } = await mounted('pushed', 'back');
  let midway = 0;
  for (let round = 0; round < KILLS; round++) {
    const wanted = new Map<string, string>();
    for (let n = 0; n < FILES; n++) wanted.set(`f${n}`, contentOf(round, n));
    const changes = [...wanted].map(([name, content]) => ({ path: `/m/${name}`, content }));
    await child.ok('write_batch', { files: changes });
    // Some of the round before are removed.
    if (round > 0) await child.ok('delete', { path: `/m/old${round - 1}` });
    await child.ok('write', { path: `/m/old${round}`, content: 'old' });
    wanted.set(`old${round}`, 'old');
    const before = new Map([...wanted.keys()].map((name) => [name, inodeOf(name)]));
    const pushing = push(child, { paths: ['/m'] });
    const arrived = (): number => [...before].filter(([name, inode]) => inodeOf(name) !== inode).length;
    const enough = 1 + Math.floor(Math.random() * (FILES - 1));
    await when(() => arrived() >= enough);
    await child.kill();
    await pushing;
    if (arrived() < before.size) midway++;
    child = await start(directory);
    // Whether or not it had arrived, a user goes on with it.
    for (const name of ['f1', `f${FILES - 1}`]) {
      await child.ok('write', { path: `/m/${name}`, content: `later ${round}` });
      wanted.set(name, `later ${round}`);
    }
    const completed = await push(child, { paths: ['/m'], resolution: undefined });
    expect(completed).toMatchObject({ changes_failed: 0, conflicts_detected: 0, conflicts: [], errors: [] });
    expect(files()).toEqual(wanted);
    expect(await push(child, { paths: ['/m'] })).toMatchObject({ changes_pushed: 0, changes_failed: 0 });
  }
  expect(midway).toBeGreaterThan(0);
  await child.stop();
}, 240_000);

/** What a client does with the files of its own folder, one step after the other. */
const STEPS: readonly (readonly [string, (folder: string, content: string) => object])[] = [
  ['write', (folder, content) => ({ path: `${folder}/a`, content })],
  ['write', (folder, content) => ({ path: `${folder}/a`, content: `${content} again` })],
  ['rename', (folder) => ({ old_path: `${folder}/a`, new_path: `${folder}/b` })],
  ['delete', (folder) => ({ path: `${folder}/b` })],
];
/** The folder behind each of these steps; there is nothing before the first one. */
const statesOf = (content: string): Record<string, string>[] => [
  { a: content },
  { a: `${content} again` },
  { b: `${content} again` },
  {},
];

test('a change that was written through and acknowledged is in the store, one that was not is whole or not there', async () => {
  const CLIENTS = 6;
  let { child, directory } = await mounted('through', 'through');
  for (let round = 0; round < KILLS; round++) {
    const contents = Array.from({ length: CLIENTS }, (_, n) => contentOf(round, n));
    const done = contents.map(() => 0);
    let killed = false;
    const clients = contents.map(async (content, client) => {
      while (!killed) {
        const [method, params] = STEPS[done[client]! % STEPS.length]!;
        const outcome = await child.call({ method, params: params(`/m/${round}-${client}`, content) });
        if (outcome.kind !== 'done') return;
        done[client]!++;
      }
    });
    const enough = CLIENTS + Math.floor(Math.random() * 4 * CLIENTS);
    await when(() => done.reduce((sum, one) => sum + one, 0) >= enough);
    await child.kill();
    killed = true;
    await Promise.all(clients);
    const there = files();
    for (const [client, content] of contents.entries()) {
      const folder = `${round}-${client}/`;
      const own = [...there].filter(([name]) => name.startsWith(folder));
      const has = Object.fromEntries(own.map(([name, text]) => [name.slice(folder.length), text]));
      const states = [{}, ...statesOf(content)];
      const count = done[client]!;
      const last = count === 0 ? 0 : ((count - 1) % STEPS.length) + 1;
      expect([states[last], statesOf(content)[count % STEPS.length]]).toContainEqual(has);
    }
    await letTimePass(directory);
    child = await start(directory);
  }
  // The dead are known for dead: the tree is what the store is.
  const wanted = [...files().keys()].map((name) => `/m/${name}`).sort();
  const { matches } = await child.ok<{ matches: string[] }>('glob', { pattern: '**', path: '/m' });
  expect(matches.toSorted()).toEqual(wanted);
  for (const [name, content] of files()) {
    expect(await child.ok('read', { path: `/m/${name}`, encoding: 'utf-8' })).toBe(content);
  }
  // What another program does there is seen, so nothing is held any more.
  writeFileSync(join(root, 'theirs'), 'theirs');
  expect(await child.ok('read', { path: '/m/theirs', encoding: 'utf-8' })).toBe('theirs');
  await child.stop();
}, 240_000);
