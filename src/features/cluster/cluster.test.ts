/** Who is there, who is missing, who shall leave: as each node tells it, and as those see it who are connected. */
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADMIN_KEY, startTestServer, type TestServer } from '../../../test/harness.ts';
import { nexusOnTerminal } from '../../../test/nexus-process.ts';
import { freshDatabase } from '../../../test/servers/shared-postgres.ts';
import type { HealthBody } from '../../core/call/cluster.ts';

const PATIENCE = { timeout: 20_000, interval: 100 };

let database: Awaited<ReturnType<typeof freshDatabase>>;
let blobs: string;
let first: TestServer;
let second: TestServer;

beforeAll(async () => {
  database = await freshDatabase();
  blobs = mkdtempSync(join(tmpdir(), 'nexus-nodes-'));
  const shared = { NEXUS_DATABASE_URL: database.url, NEXUS_BLOBS_URL: pathToFileURL(blobs).href };
  first = await startTestServer({ environment: { ...shared, NEXUS_WORKER_NAME: 'one', NEXUS_REGION: 'here' } });
  second = await startTestServer({ environment: { ...shared, NEXUS_WORKER_NAME: 'two' } });
});
afterAll(async () => {
  await Promise.all([first.stop(), second.stop()]);
  await database.drop();
  rmSync(blobs, { recursive: true });
});

const health = async (server: TestServer): Promise<HealthBody> =>
  (await fetch(`${server.url}/health`)).json() as Promise<HealthBody>;
const statuses = async (server: TestServer): Promise<Record<string, string>> =>
  Object.fromEntries((await health(server)).nodes.map(({ id, status }) => [id.slice(0, 3), status]));
const ready = async (server: TestServer): Promise<number> => (await fetch(`${server.url}/healthz/ready`)).status;
const act = async (method: string, path: string): Promise<{ status: number; body: Record<string, unknown> }> => {
  const answer = await first.http(`/api/v2/cluster${path}`, { method });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
};
const figure = async (name: string): Promise<string | undefined> => {
  const text = await (await fetch(`${first.url}/metrics/prometheus`)).text();
  return new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1];
};
const heard = (node_id: string, ago: number, draining = 0): Promise<number> =>
  first.sql.write('root', (tx) =>
    tx.run(
      `INSERT INTO nodes (node_id, beat_at, version, draining)
       VALUES (?, CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) - ?, 'v', ?)`,
      [node_id, ago, draining],
    ),
  );

test('each node tells of both', async () => {
  await expect.poll(() => statuses(first), PATIENCE).toEqual({ one: 'healthy', two: 'healthy' });
  const body = await health(second);
  expect(body).toMatchObject({ status: 'healthy', healthy: true, node: expect.stringMatching(/^two-node-/) });
  expect(body.nodes[0]).toMatchObject({ region: 'here', version: body.version });
  expect(body.healthy_nodes).toEqual(body.nodes.map(({ id }) => id));
  expect(await act('GET', '')).toMatchObject({ status: 200, body: { status: 'healthy', nodes: [{}, {}] } });
  expect([await figure('nexus_nodes'), await figure('nexus_healthy_nodes')]).toEqual(['2', '2']);
});

test('one that is missing degrades the others until it is forgotten', async () => {
  await heard('zzz-node-dead', 30_000);
  await expect.poll(() => statuses(first), PATIENCE).toMatchObject({ zzz: 'down', one: 'healthy' });
  const { status, healthy, healthy_nodes } = await health(first);
  expect([status, healthy, healthy_nodes.length]).toEqual(['degraded', false, 2]);
  expect([await ready(first), await figure('nexus_up'), await figure('nexus_nodes')]).toEqual([200, '1', '3']);
  expect(await act('POST', '/nodes/zzz-node-dead/drain')).toMatchObject({ status: 409 });
  expect(await act('DELETE', '/nodes/zzz-node-dead')).toMatchObject({ status: 200, body: { status: 'down' } });
  expect(await act('DELETE', '/nodes/zzz-node-dead')).toMatchObject({ status: 404 });
  await expect.poll(async () => (await health(first)).status, PATIENCE).toBe('healthy');
});

test('one that left, and one that nobody heard of for an hour, are not missed', async () => {
  await heard('zzz-node-left', 30_000, 1);
  await heard('yyy-node-old', 3_700_000);
  await expect.poll(() => statuses(first), PATIENCE).toEqual({ one: 'healthy', two: 'healthy' });
});

test('one that is drained is not ready and claims nothing, and the last one is not drained', async () => {
  const { node } = await health(second);
  expect(await act('DELETE', `/nodes/${node}`)).toMatchObject({
    status: 409,
    body: { error: { data: { reason: 'ALIVE' } } },
  });
  expect(await act('POST', `/nodes/${node}/drain`)).toMatchObject({
    status: 200,
    body: { id: node, status: 'draining' },
  });
  await expect.poll(() => ready(second), PATIENCE).toBe(503);
  await expect.poll(() => statuses(first), PATIENCE).toEqual({ one: 'healthy', two: 'draining' });
  expect([(await health(first)).status, (await health(second)).status]).toEqual(['healthy', 'healthy']);
  expect(await second.ok('exists', { path: '/' })).toEqual({ exists: true });
  const worker = async (): Promise<string | undefined> => {
    const { workers } = (await (await first.http('/api/v1/workers')).json()) as {
      workers: { worker_id: string; status: string }[];
    };
    return workers.find(({ worker_id }) => worker_id.startsWith('two-'))?.status;
  };
  await expect.poll(worker, PATIENCE).toBe('draining');
  const own = (await health(first)).node;
  expect(await act('POST', `/nodes/${own}/drain`)).toMatchObject({
    status: 409,
    body: { error: { data: { reason: 'LAST_NODE' } } },
  });
});

test('one whose blobs are out of reach is down for all, though it is heard of, and can be drained', async () => {
  const mounted = `${blobs}-mounted`;
  symlinkSync(blobs, mounted);
  const away = await startTestServer({
    environment: {
      NEXUS_DATABASE_URL: database.url,
      NEXUS_WORKER_NAME: 'far',
      NEXUS_BLOBS_URL: pathToFileURL(mounted).href,
    },
  });
  await expect.poll(() => statuses(first), PATIENCE).toMatchObject({ far: 'healthy' });
  const { node } = await health(away);
  rmSync(mounted);
  await expect.poll(() => statuses(first), PATIENCE).toMatchObject({ far: 'down', one: 'healthy' });
  const body = await health(first);
  expect([body.status, body.healthy_nodes.includes(node)]).toEqual(['degraded', false]);
  expect(await act('DELETE', `/nodes/${node}`)).toMatchObject({ status: 409 });
  expect(await act('POST', `/nodes/${node}/drain`)).toMatchObject({ status: 200, body: { status: 'draining' } });
  symlinkSync(blobs, mounted);
  await away.stop();
  rmSync(mounted);
});

/** Over a connection that would be kept. */
const kept = (url: string, agent: Agent): Promise<[number | undefined, string | undefined]> =>
  new Promise((resolve, reject) => {
    get(url, { agent }, (answer) => {
      answer.resume().on('end', () => resolve([answer.statusCode, answer.headers.connection]));
    }).on('error', reject);
  });

test('one that stops answers until whoever asks has understood, and is gone then', async () => {
  const agent = new Agent({ keepAlive: true });
  const last = await startTestServer({
    environment: { NEXUS_DATABASE_URL: database.url, NEXUS_BLOBS_URL: pathToFileURL(blobs).href },
  });
  await expect.poll(async () => (await health(last)).nodes.length, PATIENCE).toBe(3);
  expect([await ready(last), await kept(`${last.url}/healthz`, agent)]).toEqual([200, [200, 'keep-alive']]);
  let gone = false;
  const stopped = last.stop().then(() => {
    gone = true;
  });
  await expect.poll(() => ready(last), PATIENCE).toBe(503);
  expect(gone).toBe(false);
  expect(await kept(`${last.url}/healthz`, agent)).toEqual([200, 'close']);
  expect(await last.ok('exists', { path: '/' })).toEqual({ exists: true });
  await Promise.all([ready(last), ready(last)]);
  await stopped;
  agent.destroy();
  await expect.poll(async () => (await health(first)).nodes.length, PATIENCE).toBe(2);
  expect((await health(first)).status).toBe('healthy');
});

test('a server that is alone is not drained', async () => {
  const alone = await startTestServer({ engine: 'sqlite' });
  const { node, nodes } = await health(alone);
  expect(nodes).toMatchObject([{ id: node, status: 'healthy' }]);
  const answer = await alone.http(`/api/v2/cluster/nodes/${node}/drain`, { method: 'POST' });
  expect([answer.status, await answer.json()]).toMatchObject([409, { error: { data: { reason: 'LAST_NODE' } } }]);
  const listed = await nexusOnTerminal(['node', 'list', '--url', alone.url], { env: { NEXUS_API_KEY: ADMIN_KEY } });
  expect(listed.out).toMatch(new RegExp(`NODE +STATUS.*\\n${node} +healthy`));
  expect(listed.out).toContain('healthy: 1 of 1 serve');
  await alone.stop();
});
