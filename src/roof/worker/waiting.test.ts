/** A worker whose database is away (infrastructure.md §8): it waits longer each time, and works once the database is there. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { ENGINES, startTestServer, type TestServer } from '../../../test/harness.ts';
import { startTcpProxy } from '../../../test/servers/tcp-proxy.ts';
import { loadConfig } from '../../config.ts';
import { runWorker } from './process.ts';

const SLOW = { timeout: 60_000, interval: 50 };

/** A port at which nobody listens. */
async function deadPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function ownDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'nexus-waiting-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

const fileIn = (directory: string): string => `sqlite:///${directory}/nexus.db`;

function waitingWorker(NEXUS_DATABASE_URL: string, maxJobs = Number.POSITIVE_INFINITY, more = {}) {
  const waits: number[] = [];
  const stopping = new AbortController();
  const { config } = loadConfig({ environment: {}, given: { NEXUS_DATABASE_URL, ...more } });
  const log = (_level: string, event: string): void => {
    if (event === 'worker.waiting') waits.push(performance.now());
  };
  const ended = runWorker({ config, log, once: false, maxJobs, signal: stopping.signal });
  return { waits, ended, stop: () => stopping.abort() };
}

const submitEcho = (server: TestServer): Promise<Response> =>
  server.http('/api/v1/jobs/submit', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ job_type: 'echo', payload: { value: 1 } }),
  });

test('it tries again after a second, then after two, and a stop ends the wait', async () => {
  const { waits, ended, stop } = waitingWorker(`postgres://nobody@127.0.0.1:${await deadPort()}/none`);
  await vi.waitFor(() => expect(waits).toHaveLength(3), SLOW);
  const [first = 0, second = 0, third = 0] = waits;
  // Timers of Node may fire a millisecond early.
  expect(second - first).toBeGreaterThan(990);
  expect(third - second).toBeGreaterThan(1_990);
  stop();
  expect(await ended).toBe(0);
}, 60_000);

test('one that runs once does not wait', async () => {
  const once = (NEXUS_DATABASE_URL: string): Promise<number> => {
    const { config } = loadConfig({ environment: {}, given: { NEXUS_DATABASE_URL } });
    const { signal } = new AbortController();
    return runWorker({ config, log: () => undefined, once: true, maxJobs: 1, signal });
  };
  const away = `postgres://nobody@127.0.0.1:${await deadPort()}/none`;
  await expect(once(away)).rejects.toThrow('No connection to PostgreSQL');
  const directory = ownDirectory();
  await expect(once(fileIn(join(directory, 'mistyped')))).rejects.toThrow('start a server on it first');
  expect(readdirSync(directory)).toEqual([]);
});

test('one that is there before the first server waits for it', async () => {
  const directory = ownDirectory();
  const { waits, ended } = waitingWorker(fileIn(directory), 1);
  await vi.waitFor(() => expect(waits.length).toBeGreaterThan(0), SLOW);
  const environment = { NEXUS_EMBEDDED_WORKER: 'false' };
  const server = await startTestServer({ engine: 'sqlite', directory, environment });
  await submitEcho(server);
  expect(await ended).toBe(1);
  await server.stop();
}, 60_000);

if (ENGINES.includes('postgres'))
  test('one connection to the database is enough', async () => {
    const few = { NEXUS_DB_POOL_SIZE: '1', NEXUS_DB_MAX_OVERFLOW: '0' };
    const environment = { ...few, NEXUS_EMBEDDED_WORKER: 'false' };
    const server = await startTestServer({ engine: 'postgres', environment });
    const more = { ...few, NEXUS_DATA_DIR: server.config.DATA_DIR };
    await Promise.all(Array.from({ length: 5 }, () => submitEcho(server)));
    expect(await waitingWorker(server.config.DATABASE_URL, 5, more).ended).toBe(5);
    await server.stop();
  }, 60_000);

if (ENGINES.includes('postgres'))
  test('it works as soon as the database is back', async () => {
    const server = await startTestServer({ engine: 'postgres', environment: { NEXUS_EMBEDDED_WORKER: 'false' } });
    const url = new URL(server.config.DATABASE_URL);
    const proxy = await startTcpProxy(Number(url.port));
    proxy.shut = true;
    url.host = `127.0.0.1:${proxy.port}`;
    const { waits, ended } = waitingWorker(url.href, 1, { NEXUS_DATA_DIR: server.config.DATA_DIR });
    await vi.waitFor(() => expect(waits.length).toBeGreaterThan(0), SLOW);
    await submitEcho(server);
    proxy.shut = false;
    expect(await ended).toBe(1);
    await proxy.stop();
    await server.stop();
  }, 60_000);
