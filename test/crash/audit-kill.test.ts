/**
 * SIGKILL under a flood of refusals and writes: no refusal that was answered is missing from the log, no acknowledged write
 * is without its row, and the chain is whole, on either engine.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { AuditEntry } from '../../src/features/audit/entries.ts';
import { ENGINES, type EngineName } from '../harness.ts';
import { type Started, startNexus } from '../nexus-process.ts';
import { freshDatabase } from '../servers/shared-postgres.ts';

const KEY = 'admin-key-for-the-kill-1';
const ROUNDS = 3;
const WORKERS = 24;
/** Answers of a round before the kill. */
const ENOUGH = 150;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nexus-audit-kill-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

interface Node {
  readonly process: Started;
  readonly url: string;
}

async function startNode(database: string): Promise<Node> {
  const env = {
    NEXUS_DATA_DIR: directory,
    NEXUS_DATABASE_URL: database,
    NEXUS_BOOTSTRAP_ADMIN_KEY: KEY,
    NEXUS_LOG_LEVEL: 'silent',
    XDG_CONFIG_HOME: directory,
  };
  const process = startNexus(['serve', '--port', '0'], { env, cwd: directory });
  const [, url = ''] = await process.said(/listening at (\S+)/);
  return { process, url };
}

interface Answer {
  readonly result: unknown;
  readonly error: { readonly data: { readonly code: string } } | null;
}

async function rpc(
  url: string,
  method: string,
  { params, key = KEY }: { params: object; key?: string },
): Promise<Answer> {
  const response = await fetch(`${url}/api/nfs/${method}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ params }),
  });
  return (await response.json()) as Answer;
}

interface Told {
  /** By the path that was refused. */
  readonly refused: Map<string, number>;
  readonly written: string[];
  answers: number;
}

/** Refusals of ten paths and writes, one behind the other, until the server is gone. */
async function work(url: string, told: Told, { worker, key }: { worker: string; key: string }): Promise<void> {
  for (let i = 0; ; i++) {
    const path = `/refused/${i % 10}`;
    const mine = `/w/${worker}.${i}`;
    try {
      const refusal = await rpc(url, 'read', { params: { path }, key });
      if (refusal.error?.data.code === 'ACCESS_DENIED') told.refused.set(path, (told.refused.get(path) ?? 0) + 1);
      const write = await rpc(url, 'write', { params: { path: mine, content: 'x' } });
      if (write.error === null) told.written.push(mine);
      told.answers += 2;
    } catch {
      return;
    }
  }
}

test.each(ENGINES)(
  'on %s',
  async (engine: EngineName) => {
    const database = engine === 'postgres' ? await freshDatabase() : undefined;
    const told: Told = { refused: new Map(), written: [], answers: 0 };
    let node = await startNode(database?.url ?? '');
    const made = (await rpc(node.url, 'admin_create_key', { params: { name: 'r', user_id: 'rex' } })).result;
    const { key } = made as { key: string };
    for (let round = 0; round < ROUNDS; round++) {
      const before = told.answers;
      const workers = Array.from({ length: WORKERS }, (_, w) => work(node.url, told, { worker: `${round}.${w}`, key }));
      while (told.answers < before + ENOUGH) await sleep(5);
      node.process.child.kill('SIGKILL');
      await Promise.all([...workers, node.process.ended]);
      node = await startNode(database?.url ?? '');
    }
    const list = async (params: object): Promise<AuditEntry[]> => {
      const entries: AuditEntry[] = [];
      for (let cursor: string | null | undefined; cursor !== null; ) {
        const page = { ...params, limit: 1000, ...(cursor ? { cursor } : {}) };
        const { result } = await rpc(node.url, 'audit_list', { params: page });
        const answer = result as { entries: AuditEntry[]; next_cursor: string | null };
        entries.push(...answer.entries);
        cursor = answer.next_cursor;
      }
      return entries;
    };
    const refusals = await list({ actor: 'user:rex', outcome: 'denied' });
    for (const [path, count] of told.refused) {
      const rows = refusals.filter(({ object }) => object === path);
      const logged = rows.reduce((sum, { details }) => sum + Number(details.count), 0);
      expect(logged, path).toBeGreaterThanOrEqual(count);
      // One that was logged and not answered, for each worker and round.
      expect(logged, path).toBeLessThanOrEqual(count + ROUNDS * WORKERS);
    }
    const writes = new Set((await list({ action: 'file.write' })).map(({ object }) => object));
    expect(told.written.filter((path) => !writes.has(path))).toEqual([]);
    expect(told.written.length).toBeGreaterThan(ROUNDS);
    const { result } = await rpc(node.url, 'audit_verify', { params: {} });
    expect(result).toMatchObject({ ok: true, problems: [] });
    node.process.child.kill('SIGTERM');
    await node.process.ended;
    await database?.drop();
  },
  180_000,
);
