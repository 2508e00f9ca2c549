/**
 * Branches of texts under SIGKILL: what was acknowledged is there after the restart, several events are there as a whole or not at
 * all, and each branch is computed to the text that is kept. Runs a server process that is killed while callers evolve the same
 * parents as fast as they can. NEXUS_TEST_ROUNDS says how often.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServing } from '../nexus-process.ts';

const KEY = 'admin-key-for-branches-killed';
const KILLS = Number(process.env.NEXUS_TEST_ROUNDS ?? 2);
const CALLERS = 4;
/** Acknowledged calls before a kill. */
const CALLS = 20;
/** Events of a call: among them one whose text is stored as a file. */
const EVENTS = [
  { event_type: 'natural_drift' },
  { event_type: 'glyph_fusion', event_payload: { left: 't', right: 'o', fused: 'large '.repeat(20_000) } },
  { event_type: 'reverse_drift' },
  { event_type: 'remix', event_payload: { remixed_text: 'small again, but not the same one: to' } },
];

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'nexus-branches-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const start = () => startServing(directory, KEY);

async function ask<T>(url: string, path: string, body?: object): Promise<T> {
  const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' };
  const answer = await fetch(url + path, { headers, ...(body && { method: 'POST', body: JSON.stringify(body) }) });
  const value: unknown = await answer.json();
  if (!answer.ok) throw new Error(JSON.stringify(value));
  return value as T;
}

interface Made {
  readonly branch_ids: readonly string[];
  readonly final_text_hash: string;
}

/** Evolves the newest branch that it knows of, which others evolve too, until the server is gone. */
async function work(url: string, document: string, made: Made[]): Promise<void> {
  for (;;) {
    const parent_branch_id = made.at(-1)?.branch_ids.at(-1);
    const base = parent_branch_id === undefined ? { root_document_id: document } : { parent_branch_id };
    made.push(await ask<Made>(url, '/api/v1/evolve/multi', { ...base, events: EVENTS }));
  }
}

interface Listed {
  readonly id: string;
  readonly parent_branch_id: string | null;
}
interface Replayed {
  readonly text_hash: string;
  readonly replay_snapshot: { readonly verified: boolean };
}

async function listAll(url: string): Promise<Listed[]> {
  const all: Listed[] = [];
  for (;;) {
    const path = `/api/v1/branches?limit=1000&offset=${all.length}`;
    const { branches } = await ask<{ branches: Listed[] }>(url, path);
    if (branches.length === 0) return all;
    all.push(...branches);
  }
}

async function compare(url: string, made: readonly Made[]): Promise<void> {
  const all = await listAll(url);
  const ids = new Set(all.map(({ id }) => id));
  expect(made.flatMap(({ branch_ids }) => branch_ids).filter((id) => !ids.has(id))).toEqual([]);
  // Each call is there with all its events or with none.
  expect(all.length % EVENTS.length).toBe(0);
  const lost = all.filter(({ parent_branch_id }) => parent_branch_id !== null && !ids.has(parent_branch_id));
  expect(lost).toEqual([]);
  const unverified: string[] = [];
  for (const { id } of all) {
    const { replay_snapshot } = await ask<Replayed>(url, `/api/v1/branches/${id}/replay`, {});
    if (!replay_snapshot.verified) unverified.push(id);
  }
  expect(unverified).toEqual([]);
  for (const { branch_ids, final_text_hash } of made.slice(-10)) {
    const { text_hash } = await ask<Replayed>(url, `/api/v1/branches/${branch_ids.at(-1)}/replay`, {});
    expect(text_hash).toBe(final_text_hash);
  }
}

async function ingested(url: string): Promise<string> {
  const write = {
    jsonrpc: '2.0',
    id: 1,
    method: 'write',
    params: { path: '/a.md', content: 'to and fro, to the river' },
  };
  await ask(url, '/api/nfs/write', write);
  await ask(url, '/api/v1/ingest/batch', { source_paths: ['nexus:///a.md'] });
  const { documents } = await ask<{ documents: { id: string }[] }>(url, '/api/v1/documents');
  return documents[0]?.id ?? '';
}

test(`nothing that was acknowledged is lost, and no call is half there, over ${KILLS} kills`, {
  timeout: 60_000 + KILLS * 60_000,
}, async () => {
  const made: Made[] = [];
  let { server, url } = await start();
  const document = await ingested(url);
  for (let kill = 0; kill < KILLS; kill++) {
    const enough = made.length + CALLS;
    const working = Array.from({ length: CALLERS }, () => work(url, document, made).catch(() => undefined));
    while (made.length < enough) await Promise.race([server.ended, new Promise((resolve) => setTimeout(resolve, 7))]);
    server.child.kill('SIGKILL');
    await Promise.all([...working, server.ended]);
    ({ server, url } = await start());
    await compare(url, made);
  }
  server.child.kill('SIGTERM');
  await server.ended;
});
