/** The older HTTP+SSE transport as clients of both generations use it, and raw: whose a stream is, what bounds it, how it ends. */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { Client as NewClient, SSEClientTransport as NewSse } from '@modelcontextprotocol/client';
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport as OldSse } from '@modelcontextprotocol/sdk/client/sse.js';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { ADMIN_KEY, startTestServer, type TestServer } from '../../../../test/harness.ts';

const INFO = { name: 'test', version: '1' };
const SOON = { timeout: 20_000 };

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({
    environment: {
      NEXUS_MCP_SSE: 'true',
      NEXUS_LIMIT_MCP_STREAMS_UNCLAIMED: '2',
      NEXUS_LIMIT_MCP_STREAM_MESSAGES: '2',
    },
  });
  await server.ok('write', { path: '/a.txt', content: 'one' });
});
afterAll(() => server.stop());

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

/** What of a client is used here is alike in both generations. */
interface Client {
  listTools(): Promise<{ tools: readonly { readonly name: string }[] }>;
  callTool(call: { name: string; arguments: Record<string, unknown> }): Promise<unknown>;
  readResource(read: { uri: string }): Promise<unknown>;
  ping(): Promise<unknown>;
  close(): Promise<void>;
}

async function oldClient(url: URL, headers: Record<string, string>): Promise<Client> {
  const client = new OldClient(INFO);
  await client.connect(new OldSse(url, { requestInit: { headers } }));
  return client;
}

async function newClient(url: URL, headers: Record<string, string>): Promise<Client> {
  const client = new NewClient(INFO, { versionNegotiation: { mode: 'legacy' } });
  await client.connect(new NewSse(url, { requestInit: { headers } }));
  return client;
}

describe.each([
  ['@modelcontextprotocol/sdk 1', oldClient],
  ['@modelcontextprotocol/client 2', newClient],
])('the client of %s', (_name, connect) => {
  test('lists, calls and reads, and has the place of one stream meanwhile', async () => {
    const { streams } = server.running.server;
    await expect.poll(() => streams.size, SOON).toBe(0);
    const client = await connect(new URL(`${server.url}/sse`), bearer(ADMIN_KEY));
    expect(streams.size).toBe(1);
    await client.ping();
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain('read_file');
    const results = await Promise.all([
      client.callTool({ name: 'read_file', arguments: { path: '/a.txt', encoding: 'utf-8' } }),
      client.callTool({ name: 'read_file', arguments: { path: '/none' } }),
    ]);
    expect(results).toMatchObject([
      { content: [{ text: '"one"' }] },
      { isError: true, structuredContent: { error: { code: 'FILE_NOT_FOUND' } } },
    ]);
    expect(await client.readResource({ uri: 'nexus://files/a.txt' })).toMatchObject({ contents: [{ text: 'one' }] });
    await expect(client.callTool({ name: 'red_file', arguments: {} })).rejects.toMatchObject({ code: -32602 });
    await client.close();
    await expect.poll(() => streams.size, SOON).toBe(0);
  });

  test('is shown the search alone where it asks for that', async () => {
    const client = await connect(new URL(`${server.url}/sse?tools=search`), bearer(ADMIN_KEY));
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['call_tool', 'search_tools']);
    await client.close();
  });
});

interface Raw {
  readonly status: number;
  readonly address: string;
  /** The data of the next event; undefined at the end. */
  next(): Promise<Record<string, unknown> | undefined>;
  close(): void;
}

async function open(headers: Record<string, string> = {}, from = server): Promise<Raw> {
  const aborting = new AbortController();
  const response = await fetch(`${from.url}/sse`, { headers, signal: aborting.signal });
  onTestFinished(() => aborting.abort());
  const events = eventsOf(response);
  const first = response.status === 200 ? (await events.next()).value : undefined;
  return {
    status: response.status,
    address: /^event: endpoint\ndata: (.*)$/.exec(first ?? '')?.[1] ?? '',
    next: async () => {
      const { value } = await events.next();
      const data = /^event: message\ndata: (.*)$/.exec(value ?? '')?.[1];
      return data === undefined ? undefined : JSON.parse(data);
    },
    close: () => aborting.abort(),
  };
}

async function* eventsOf({ body }: Response): AsyncGenerator<string> {
  let text = '';
  for await (const chunk of (body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    const parts = (text + chunk).split('\n\n');
    text = parts.pop() ?? '';
    yield* parts.filter((part) => part.startsWith('event: '));
  }
}

const post = (address: string, message: unknown, headers: Record<string, string> = bearer(ADMIN_KEY), from = server) =>
  fetch(`${from.url}${address}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(message),
  });
const ping = (id: number | string) => ({ jsonrpc: '2.0', id, method: 'ping' });
const call = (id: number | string, name: string, args: object = {}) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: args },
});

test('the stream opens without a key, every message needs one, and an answer to each comes on the stream', async () => {
  const stream = await open();
  expect(stream.address).toMatch(/^\/messages\/\?session_id=stream-[0-9a-f]{24}$/);
  const bare = await post(stream.address, ping(1), {});
  expect([bare.status, await bare.json()]).toMatchObject([401, { jsonrpc: '2.0', error: { code: -401 } }]);
  const accepted = await post(stream.address, ping(1));
  expect([accepted.status, await accepted.text()]).toEqual([202, 'Accepted']);
  expect(await stream.next()).toEqual({ jsonrpc: '2.0', id: 1, result: {} });
  const params = { protocolVersion: '2024-11-05', capabilities: {}, clientInfo: INFO };
  await post(stream.address, { jsonrpc: '2.0', id: 'i', method: 'initialize', params });
  expect(await stream.next()).toMatchObject({ id: 'i', result: { protocolVersion: '2024-11-05' } });
  expect((await post(stream.address, { jsonrpc: '2.0', method: 'notifications/initialized' })).status).toBe(202);
  await post(stream.address, { jsonrpc: '2.0', id: 2, method: 'made/up' });
  expect(await stream.next()).toMatchObject({ id: 2, error: { code: -32601 } });
});

test.each([{}, { jsonrpc: '2.0', id: {}, method: 'ping' }, [ping(1)], 'x'])(
  'no message is told as such: %j',
  async (message) => {
    const stream = await open();
    const response = await post(stream.address, message);
    expect([response.status, await response.json()]).toMatchObject([400, { error: { code: -32600 } }]);
  },
);

test('a stream is of whoever sends its first message: with a key of somebody else it is unknown', async () => {
  const { key } = await server.ok('admin_create_key', { name: 'second', subject_id: 'admin', role: 'admin' });
  const other = await server.addKey({ subject: 'other', role: 'admin' });
  const stream = await open();
  expect((await post(stream.address, call(1, 'whoami'))).status).toBe(202);
  for (const [address, shown] of [
    [stream.address, other],
    ['/messages/?session_id=stream-0', ADMIN_KEY],
    ['/messages/', ADMIN_KEY],
  ] as const) {
    const response = await post(address, call(2, 'whoami'), bearer(shown));
    expect([response.status, await response.json()]).toMatchObject([404, { error: { code: -404 } }]);
  }
  expect(await stream.next()).toMatchObject({ id: 1 });
  // Another key of the same subject may.
  expect((await post(stream.address, call(3, 'whoami'), bearer(key))).status).toBe(202);
  expect(await stream.next()).toMatchObject({ id: 3, result: { structuredContent: { subject_id: 'admin' } } });
});

test('each message runs as its own caller', async () => {
  const admin = await server.ok('admin_create_key', { name: 'two-a', subject_id: 'two', role: 'admin' });
  const viewer = await server.ok('admin_create_key', { name: 'two-v', subject_id: 'two', role: 'viewer' });
  const stream = await open(bearer(admin.key));
  const write = (id: number, key: string) =>
    post(stream.address, call(id, 'write_file', { path: `/${id}`, content: '' }), bearer(key));
  await write(1, viewer.key);
  expect(await stream.next()).toMatchObject({ id: 1, result: { isError: true } });
  await write(2, admin.key);
  expect(await stream.next()).toMatchObject({ id: 2, result: { structuredContent: { path: '/2' } } });
});

test('a page of another origin opens none and sends none, nor does a name that was made to lead here', async () => {
  const stream = await open();
  const evil = { origin: 'https://evil.example' };
  expect((await fetch(`${server.url}/sse`, { headers: evil })).status).toBe(403);
  expect((await post(stream.address, ping(1), { ...evil, ...bearer(ADMIN_KEY) })).status).toBe(403);
  for (const [method, path] of [
    ['GET', '/sse'],
    ['POST', stream.address],
  ] as const) {
    const headers = { host: 'rebound.example', ...bearer(ADMIN_KEY) };
    expect((await answered(httpRequest(`${server.url}${path}`, { method, headers }))).statusCode).toBe(403);
  }
});

function answered(request: ReturnType<typeof httpRequest>): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  onTestFinished(() => void request.destroy());
  request.on('error', reject).on('response', resolve).end();
  return promise;
}

test('one that nobody shows a key for is soon over, unlike one that somebody has', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const [bare, claimed] = [await open(), await open()];
  expect([bare.status, claimed.status]).toEqual([200, 200]);
  expect((await post(claimed.address, ping(1))).status).toBe(202);
  vi.advanceTimersByTime(30_000);
  expect(await bare.next()).toBeUndefined();
  expect((await post(bare.address, ping(1))).status).toBe(404);
  expect((await post(claimed.address, ping(2))).status).toBe(202);
  expect([await claimed.next(), await claimed.next()]).toMatchObject([{ id: 1 }, { id: 2 }]);
});

test('of the messages of a stream some are answered at a time; one that is cancelled is not waited for', async () => {
  const { streams } = server.running.server;
  const stream = await open(bearer(ADMIN_KEY));
  const before = streams.size;
  const wait = (id: number) => post(stream.address, call(id, 'wait_for_event', { path: '/never', timeout: 60 }));
  expect((await wait(1)).status).toBe(202);
  expect((await wait(1)).status).toBe(400);
  expect((await wait(2)).status).toBe(202);
  await expect.poll(() => streams.size, SOON).toBe(before + 2);
  const refused = await post(stream.address, ping(3));
  expect([refused.status, await refused.json()]).toMatchObject([
    429,
    { error: { data: { code: 'TOO_MANY', limit: 'MCP_STREAM_MESSAGES', maximum: 2 } } },
  ]);
  await post(stream.address, { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } });
  await expect.poll(() => streams.size, SOON).toBe(before + 1);
  expect((await post(stream.address, ping(4))).status).toBe(202);
  expect(await stream.next()).toMatchObject({ id: 4 });
  stream.close();
  await expect.poll(() => streams.size, SOON).toBe(before - 1);
});

test('a stream ends with the key', async () => {
  const { key, key_id } = await server.ok('admin_create_key', { name: 'l', subject_id: 'leaver', role: 'viewer' });
  const stream = await open(bearer(key));
  await server.ok('admin_revoke_key', { key_id });
  expect(await stream.next()).toBeUndefined();
  expect((await post(stream.address, ping(1), bearer(key))).status).toBe(401);
});

test('figures tell of its messages', async () => {
  const stream = await open();
  await post(stream.address, ping(1));
  const figures = await (await server.http('/metrics/prometheus')).text();
  expect(figures).toMatch(/nexus_mcp_requests_total\{method="ping",status="202"\} \d+/);
});

test('with the brick off, neither is there', async () => {
  const stream = await open(bearer(ADMIN_KEY));
  const switched = (act: string) =>
    server.http(`/api/v2/bricks/mcp/${act}`, { method: 'POST', headers: bearer(ADMIN_KEY) });
  expect((await switched('unmount')).status).toBe(200);
  const answers = [
    await fetch(`${server.url}/sse`),
    await fetch(`${server.url}/sse`, { headers: bearer('sk-of-nobody') }),
    await post(stream.address, ping(1)),
    await post('/mcp', ping(1)),
  ];
  expect((await switched('mount')).status).toBe(200);
  expect(answers.map(({ status }) => status)).toEqual([503, 503, 503, 503]);
});

test('unless it is switched on, its routes are as unknown as any', async () => {
  const plain = await startTestServer();
  onTestFinished(() => plain.stop());
  const told = async (method: string, path: string, headers: Record<string, string>) => {
    const response = await fetch(`${plain.url}${path}`, { method, headers });
    const { error, detail } = (await response.json()) as { error: { code: unknown }; detail: string };
    return [response.status, error.code, detail.replace(path, '')];
  };
  for (const [method, path] of [
    ['GET', '/sse'],
    ['POST', '/messages/'],
  ] as const) {
    for (const headers of [{}, bearer(ADMIN_KEY)])
      expect(await told(method, path, headers)).toEqual(await told(method, '/nothing', headers));
  }
});

const startOwn = (environment: Record<string, string> = {}): Promise<TestServer> =>
  startTestServer({ environment: { NEXUS_MCP_SSE: 'true', ...environment } });

test('streams without a key are few; one with a key opens all the same', async () => {
  const own = await startOwn({ NEXUS_LIMIT_MCP_STREAMS_UNCLAIMED: '2' });
  onTestFinished(() => own.stop());
  const [first] = [await open({}, own), await open({}, own)];
  expect((await open({}, own)).status).toBe(429);
  expect((await open(bearer(ADMIN_KEY), own)).status).toBe(200);
  // A message with a key makes room.
  expect((await post(first.address, ping(1), bearer(ADMIN_KEY), own)).status).toBe(202);
  expect((await open({}, own)).status).toBe(200);
});

test('a server that stops ends streams, and tells before what is in hand', async () => {
  const own = await startOwn();
  const [bare, stream] = [await open({}, own), await open(bearer(ADMIN_KEY), own)];
  const { streams } = own.running.server;
  const before = streams.size;
  await post(stream.address, call(1, 'wait_for_event', { path: '/never', timeout: 60 }), bearer(ADMIN_KEY), own);
  await expect.poll(() => streams.size, SOON).toBe(before + 1);
  const stopped = own.stop();
  expect(await stream.next()).toMatchObject({ id: 1 });
  expect([await stream.next(), await bare.next()]).toEqual([undefined, undefined]);
  await stopped;
});

test('what a client does not take counts among the requests that are served', async () => {
  const own = await startOwn({ NEXUS_LIMIT_REQUESTS_IN_FLIGHT: '3' });
  onTestFinished(() => own.stop());
  await own.ok('write', { path: '/large.txt', content: 'x'.repeat(3_000_000) });
  const unread = await answered(httpRequest(`${own.url}/sse`, { headers: bearer(ADMIN_KEY) }));
  let head = '';
  unread.setEncoding('utf8').on('data', (text: string) => {
    head += text;
    if (head.includes('session_id')) unread.pause();
  });
  await expect.poll(() => unread.isPaused(), SOON).toBe(true);
  const address = /data: (.*)/.exec(head)?.[1] ?? '';
  let last = 202;
  for (let id = 0; id < 30 && last === 202; id += 1) {
    const read = call(id, 'read_file', { path: '/large.txt', encoding: 'utf-8' });
    last = (await post(address, read, bearer(ADMIN_KEY), own)).status;
    // The answer is made, and taken if there is room on the way.
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const whoami = async () => (await own.http('/api/v1/auth/whoami', { headers: bearer(ADMIN_KEY) })).status;
  expect([last, await whoami()]).toEqual([503, 503]);
  unread.destroy();
  await expect.poll(whoami, SOON).toBe(200);
});
