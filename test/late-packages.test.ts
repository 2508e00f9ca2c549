/** What the published program has otherwise than the source (tools/build.ts) answers as it does from there. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer } from './harness.ts';
import { type Started, startServing } from './nexus-process.ts';

const KEY = 'key-for-late-packages';
const directory = mkdtempSync(join(tmpdir(), 'nexus-late-'));
let served: { readonly server: Started; readonly url: string };

beforeAll(async () => {
  served = await startServing(directory, KEY);
});
afterAll(async () => {
  served.server.child.kill('SIGTERM');
  await served.server.ended;
  rmSync(directory, { recursive: true, force: true });
});

const ask = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`${served.url}${path}`, { ...init, headers: { authorization: `Bearer ${KEY}`, ...init.headers } });

async function grep(pattern: string): Promise<Record<string, unknown>> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'grep', params: { pattern, ignore_case: true } });
  const answer = await ask('/api/nfs/grep', { method: 'POST', body, headers: { 'content-type': 'application/json' } });
  return (await answer.json()) as Record<string, unknown>;
}

test('types of files, patterns and their mistakes', async () => {
  await ask('/api/v2/files/page.html', { method: 'PUT', body: Buffer.from('Straße') });
  expect((await ask('/api/v2/files/page.html')).headers.get('content-type')).toBe('text/html');
  expect(await grep('\\p{Lu}TRA.e')).toMatchObject({ result: { matches: [{ file: '/page.html', match: 'Straße' }] } });
  expect(await grep('(?=x)')).toMatchObject({ error: { data: { reason: expect.stringContaining('look-ahead') } } });
  expect(await grep('[x')).toMatchObject({ error: { data: { position: 0 } } });
});

test('the figures for Prometheus', async () => {
  const text = await (await ask('/metrics', { headers: { accept: 'text/plain' } })).text();
  expect(text).toMatch(/^process_cpu_seconds_total \d/m);
});

test('the schemas, many of which it has once', async () => {
  const source = await startTestServer({});
  const told = await (await source.http('/openapi.json')).json();
  await source.stop();
  expect(await (await ask('/openapi.json')).json()).toEqual(told);
});
