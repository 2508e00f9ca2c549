/** Requests that go out say of which trace they are (infrastructure.md §12), and every answer that says that the server failed. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from './harness.ts';
import { startMcpServer } from './servers/mcp.ts';
import { type Collector, startCollector } from './servers/otlp.ts';
import { freshBucket, settingsFor } from './servers/shared-s3.ts';
import { startTcpProxy, type TcpProxy } from './servers/tcp-proxy.ts';

const CALLER = '00f067aa0ba902b7';
const BIG = Buffer.alloc(200_000, 'x');

let collector: Collector;
let store: TcpProxy;
let server: TestServer;
let settings: Record<string, string>;
const lines: Readonly<Record<string, unknown>>[] = [];

beforeAll(async () => {
  collector = await startCollector();
  const bucket = await freshBucket();
  store = await startTcpProxy(Number(new URL(bucket.endpoint).port));
  settings = {
    ...settingsFor({ ...bucket, endpoint: `http://127.0.0.1:${store.port}` }),
    NEXUS_OUTBOUND_ALLOW: '["127.0.0.0/8"]',
  };
  server = await startTestServer({ environment: { ...settings, NEXUS_OTLP_ENDPOINT: collector.url } });
});
afterAll(async () => {
  await server.stop();
  await Promise.all([store.stop(), collector.stop()]);
});

/** Heads of requests that were sent through the proxy while the work was done. */
async function headsThrough(proxy: TcpProxy, work: () => Promise<unknown>): Promise<string[]> {
  let sent = '';
  proxy.judge = (packet) => {
    sent += packet.toString('latin1');
    return 'pass';
  };
  await work();
  proxy.judge = () => 'pass';
  const heads = [...sent.matchAll(/^(?:GET|PUT|POST|HEAD|DELETE) \S+ HTTP\/1\.1\r\n[\s\S]*?\r\n\r\n/gm)];
  return heads.map(([head]) => head);
}

/** Traces that they name. */
async function tracesThrough(proxy: TcpProxy, work: () => Promise<unknown>): Promise<Set<string | undefined>> {
  const heads = await headsThrough(proxy, work);
  return new Set(heads.map((head) => /^traceparent: 00-([0-9a-f]{32})-[0-9a-f]{16}-01\r$/im.exec(head)?.[1]));
}

const traced = (trace: string, init: RequestInit = {}): RequestInit => ({
  ...init,
  headers: { traceparent: `00-${trace}-${CALLER}-01`, 'content-type': 'application/json' },
});

test('what a call asks of a store is of its trace, in each of several at once', async () => {
  const [put, get] = ['a'.repeat(32), 'b'.repeat(32)];
  const file = (name: string) => `/api/v2/files/${name}`;
  expect(await tracesThrough(store, () => server.http(file('one'), traced(put, { method: 'PUT', body: BIG })))).toEqual(
    new Set([put]),
  );
  const both = (): Promise<unknown> =>
    Promise.all([
      server.http(file('one'), traced(get)).then((answer) => answer.text()),
      server.http(file('two'), traced(put, { method: 'PUT', body: Buffer.alloc(200_000, 'y') })),
    ]);
  expect(await tracesThrough(store, both)).toEqual(new Set([get, put]));
});

/** A thread that begins looks for its bucket, for nobody's call. */
const ofTrace = (heads: readonly string[], trace: string): string[] =>
  heads.filter((head) => head.includes(`traceparent: 00-${trace}-`));

test('its baggage names the request, in a form that every baggage takes', async () => {
  const init = traced('d'.repeat(32), { method: 'PUT', body: Buffer.alloc(200_000, 'z') });
  const headers = { ...init.headers, 'x-request-id': 'run=7,"a";b%' };
  const seen = await headsThrough(store, () => server.http('/api/v2/files/three', { ...init, headers }));
  const heads = ofTrace(seen, 'd'.repeat(32));
  expect(heads.length).toBeGreaterThan(0);
  const carried = new Set(heads.map((head) => /^baggage: (.*)\r$/im.exec(head)?.[1]));
  expect(carried).toEqual(new Set(['nexus.request_id=run%3D7%2C%22a%22%3Bb%25']));
});

test('what systems before this one say of the trace is sent on, in each thread; not what has no form', async () => {
  const trace = 'e'.repeat(32);
  const statesOf = async (tracestate: string, path: string, init: RequestInit): Promise<Set<string | undefined>> => {
    const given = traced(trace, init);
    const ask = () =>
      server.http(path, { ...given, headers: { ...given.headers, tracestate } }).then((got) => got.text());
    const heads = await headsThrough(store, ask);
    return new Set(ofTrace(heads, trace).map((head) => /^tracestate: (.*)\r$/im.exec(head)?.[1]));
  };
  const put = (letter: string): RequestInit => ({ method: 'PUT', body: Buffer.alloc(200_000, letter) });
  expect(await statesOf('rojo=1, congo=t61', '/api/v2/files/four', put('4'))).toEqual(new Set(['rojo=1,congo=t61']));
  expect(await statesOf('rojo', '/api/v2/files/five', put('5'))).toEqual(new Set([undefined]));
  const search = { method: 'POST', body: JSON.stringify({ params: { pattern: '555', path: '/' } }) };
  expect(await statesOf('rojo=2', '/api/nfs/grep', search)).toEqual(new Set(['rojo=2']));
});

test('what a call asks of an MCP server is too', async () => {
  const tools = await startMcpServer(['t']);
  const proxy = await startTcpProxy(Number(new URL(tools.url).port));
  const url = tools.url.replace(/:\d+/, `:${proxy.port}`);
  const trace = 'c'.repeat(32);
  const add = () =>
    server.http('/api/nfs/mcp_mount', {
      ...traced(trace, { method: 'POST' }),
      body: JSON.stringify({ params: { name: 'tools', transport: 'http', url } }),
    });
  expect(await tracesThrough(proxy, add)).toEqual(new Set([trace]));
  await Promise.all([proxy.stop(), tools.close()]);
});

test('an answer that says that the server failed names its trace, as its log line does; traced or not', async () => {
  const plain = await startTestServer({
    environment: settings,
    log: (_level, event, fields) => lines.push({ ...fields, event }),
  });
  store.shut = true;
  store.cut();
  const trace = 'd'.repeat(32);
  const failed = await server.http('/api/v2/files/three', traced(trace, { method: 'PUT', body: BIG }));
  expect([failed.status, failed.headers.get('x-trace-id')]).toEqual([503, trace]);
  const health = await plain.http('/health', traced(trace));
  expect([health.status, health.headers.get('x-trace-id')]).toEqual([503, trace]);
  const rpc = await plain.http('/api/nfs/write', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ params: { path: '/three', content: BIG.toString() } }),
  });
  const made = rpc.headers.get('x-trace-id');
  expect([rpc.status, made]).toEqual([503, expect.stringMatching(/^[0-9a-f]{32}$/)]);
  await expect.poll(() => lines.filter(({ trace_id }) => trace_id === made)).toHaveLength(1);
  store.shut = false;
  expect((await plain.http('/api/v2/files/none')).headers.get('x-trace-id')).toBe(null);
  await plain.stop();
});
