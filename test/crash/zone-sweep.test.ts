/** The end of a zone survives kill -9 at any moment of the sweep: the next start carries it on to its end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';

const FILES = 20_000;
const KEY = 'admin-key-for-kills-01';
const PROGRAM = join(import.meta.dirname, '..', '..', 'bin', 'nexus.mjs');

interface Child {
  readonly process: ChildProcess;
  readonly url: string;
}

function spawnServer(directory: string) {
  return spawn(process.execPath, [PROGRAM, 'serve', '--port', '0'], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env.PATH,
      NEXUS_DATA_DIR: join(directory, 'data'),
      NEXUS_LOG_LEVEL: 'error',
      NEXUS_BOOTSTRAP_ADMIN_KEY: KEY,
    },
  });
}

async function startChild(directory: string): Promise<Child> {
  const process_ = spawnServer(directory);
  for await (const line of createInterface({ input: process_.stdout })) {
    const url = /^listening at (\S+)$/.exec(line)?.[1];
    if (url) return { process: process_, url };
  }
  throw new Error('the server ended before it listened');
}

async function kill(process_: ChildProcess): Promise<void> {
  const gone = once(process_, 'exit');
  process_.kill('SIGKILL');
  await gone;
}

async function call(child: Child, method: string, params: object, key = KEY) {
  const response = await fetch(`${child.url}/api/nfs/${method}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ params }),
  });
  const { result, error } = (await response.json()) as {
    result: Record<string, unknown>;
    error: { data: { code: string } } | null;
  };
  return { status: response.status, result, code: error?.data.code };
}

function openDb(directory: string): DatabaseSync {
  return new DatabaseSync(join(directory, 'data', 'nexus.db'), { timeout: 10_000 });
}

/** More states than one step of the sweep removes, by far. */
function fill(directory: string, zone_id: string, files: number): void {
  const db = openDb(directory);
  db.exec('BEGIN IMMEDIATE');
  const insert = db.prepare(
    `INSERT INTO file_states (zone_id, branch, path, parent, kind, file_id, began, ended, version, size, content_type,
       reason, created_at, created_by, modified_at, modified_by)
     VALUES (?, 'main', ?, '/', 'f', ?, 1, 9007199254740991, 1, 0, '', 'write', 1, 'test', 1, 'test')`,
  );
  for (let i = 0; i < files; i++) insert.run(zone_id, `/filled-${i}`, `x${i}`);
  db.exec('COMMIT');
  db.close();
}

/** Kills a server in the midst of the sweep, however fast it is: as soon as more is gone. The states left after it. */
async function killAmidSweep(directory: string, process_: ChildProcess, zone_id: string, before: number) {
  const db = openDb(directory);
  const statement = db.prepare('SELECT count(*) AS n FROM file_states WHERE zone_id = ?');
  const left = () => Number(statement.get(zone_id)?.n);
  while (left() >= before) await new Promise((resolve) => setTimeout(resolve, 2));
  await kill(process_);
  const rest = left();
  db.close();
  return rest;
}

test('killed again and again while it removes a zone, the server ends it all the same', {
  timeout: 120_000,
}, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'nexus-kill-'));
  let child = await startChild(directory);
  try {
    const zone_id = 'killed';
    await call(child, 'zone_create', { zone_id, name: 'K' });
    const key = String((await call(child, 'admin_create_key', { zone_id, name: 'admin', role: 'admin' })).result.key);
    await call(child, 'write', { path: '/kept', content: 'kept' });
    fill(directory, zone_id, FILES);
    expect((await call(child, 'zone_delete', { zone_id })).result.phase).toBe('Terminating');
    let left = await killAmidSweep(directory, child.process, zone_id, FILES);
    for (let round = 0; round < 3; round++) {
      expect(left).toBeGreaterThan(0);
      left = await killAmidSweep(directory, spawnServer(directory), zone_id, left);
    }
    expect(left).toBeGreaterThan(0);
    child = await startChild(directory);
    expect((await call(child, 'list', {}, key)).status).toBe(401);
    while ((await call(child, 'zone_get', { zone_id })).code === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const zones = (await call(child, 'zone_list', { include_terminated: true })).result.zones as { phase: string }[];
    expect(zones.map((zone) => zone.phase).sort()).toEqual(['Active', 'Terminated']);
    expect((await call(child, 'zone_create', { zone_id, name: 'K' })).code).toBe('ALREADY_EXISTS');
    expect((await call(child, 'read', { path: '/kept', encoding: 'utf-8' })).result).toBe('kept');
  } finally {
    await kill(child.process);
    rmSync(directory, { recursive: true, force: true });
  }
});
