/** The MCP door as clients use it: the official one in both revisions, over HTTP and through `nexus mcp`, and raw requests. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type CallToolResult, Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { ADMIN_KEY, startTestServer, type TestServer } from '../../../../test/harness.ts';
import { CORE_TOOLS, tools } from '../../../core/tools.ts';

const REVISIONS = { '2026-07-28': 'auto', '2025-11-25': 'legacy' } as const;
type Revision = keyof typeof REVISIONS;
const NEXUS = join(import.meta.dirname, '../../../../bin/nexus.mjs');

let server: TestServer;
let home: string;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'nexus-mcp-'));
  server = await startTestServer({
    environment: { NEXUS_LIMIT_TOOL_RESULT_BYTES: '100000', NEXUS_CORS_ORIGINS: '["https://console.example"]' },
  });
  await server.ok('write', { path: '/docs/a.md', content: 'one\ntwo\n' });
  await server.ok('write', { path: '/top "1".txt', content: 'top' });
});

afterAll(async () => {
  await server.stop();
  rmSync(home, { recursive: true });
});

const clientFor = (revision: Revision): Client =>
  new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode: REVISIONS[revision] } });

async function byHttp(revision: Revision, { key = ADMIN_KEY, query = '' } = {}): Promise<Client> {
  const client = clientFor(revision);
  const requestInit = { headers: { authorization: `Bearer ${key}` } };
  await client.connect(new StreamableHTTPClientTransport(new URL(`${server.url}/mcp${query}`), { requestInit }));
  return client;
}

async function byStdio(revision: Revision): Promise<Client> {
  const client = clientFor(revision);
  const env = { NEXUS_URL: server.url, NEXUS_API_KEY: ADMIN_KEY, HOME: home };
  await client.connect(new StdioClientTransport({ command: process.execPath, args: [NEXUS, 'mcp'], env, cwd: home }));
  return client;
}

const textIn = (result: CallToolResult): unknown => {
  const [first] = result.content;
  return first?.type === 'text' ? JSON.parse(first.text) : undefined;
};

const WAYS = { 'over HTTP': byHttp, 'through nexus mcp': byStdio };
const cases = Object.entries(WAYS).flatMap(([way, connect]) =>
  (['2026-07-28', '2025-11-25'] as const).map((revision) => ({ way, revision, connect })),
);

describe.each(cases)('a client of $revision $way', ({ revision, connect }) => {
  let client: Client;
  beforeAll(async () => {
    client = await connect(revision);
  });
  afterAll(() => client.close());

  test('is told who the server is, in its own revision', async () => {
    expect(client.getNegotiatedProtocolVersion()).toBe(revision);
    expect(client.getServerVersion()).toMatchObject({ name: 'nexus' });
    await client.ping().catch((thrown: unknown) => {
      // 2026-07-28 has no ping any more.
      if (revision === '2025-11-25') throw thrown;
    });
  });

  test('sees the core of tools, in the order of names, each with schemas that it can use', async () => {
    const { tools: listed } = await client.listTools();
    const names = listed.map(({ name }) => name);
    expect(names).toEqual([...CORE_TOOLS, 'search_tools', 'call_tool'].sort());
    expect(listed.every(({ inputSchema, description }) => inputSchema.type === 'object' && description)).toBe(true);
  });

  test('calls a tool: text and structure are the answer', async () => {
    const result = await client.callTool({ name: 'read-file', arguments: { path: '/docs/a.md' } });
    expect(textIn(result)).toBe('one\ntwo\n');
    const { structuredContent, isError } = await client.callTool({
      name: 'stat_file',
      arguments: { path: '/docs/a.md' },
    });
    expect([structuredContent, isError]).toMatchObject([{ path: '/docs/a.md', size: 8 }, undefined]);
  });

  test('is told of a refusal as a result that says what to do', async () => {
    const result = await client.callTool({ name: 'read_file', arguments: { path: '/none' } });
    expect(result.isError).toBe(true);
    expect(result.structuredContent).toMatchObject({
      error: { code: 'FILE_NOT_FOUND', retryable: false, data: { path: '/none' } },
      suggested_tools: expect.arrayContaining(['list_files', 'search_tools']),
    });
    expect(textIn(result)).toEqual(result.structuredContent);
    const wrong = await client.callTool({ name: 'read_file', arguments: { path: '/docs/a.md', pth: 1 } });
    expect(wrong.structuredContent).toMatchObject({
      error: { code: 'INVALID_PARAMS', data: { issues: [{ path: 'pth' }] } },
    });
  });

  test('is told a tool or method that is none by the beginning of its name', async () => {
    const name = 'x'.repeat(5_000);
    const refused: unknown = await client.callTool({ name, arguments: {} }).catch((thrown: unknown) => thrown);
    const { message, data } = refused as { readonly message: string; readonly data: unknown };
    expect(message.length + JSON.stringify(data).length).toBeLessThan(1_000);
    const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: name });
    const answer = await fetch(`${server.url}/api/nfs`, { method: 'POST', headers, body });
    expect((await answer.text()).length).toBeLessThan(1_500);
  });

  test('is told of a tool that is none, with those nearest to it', async () => {
    await expect(client.callTool({ name: 'red_file', arguments: {} })).rejects.toMatchObject({
      code: -32602,
      message: expect.stringContaining('did you mean read_file'),
    });
  });

  test('finds the others, and calls them', async () => {
    const found = await client.callTool({ name: 'search_tools', arguments: { query: 'branch of the tree', limit: 5 } });
    const { tools: some } = found.structuredContent as { tools: { name: string }[] };
    expect(some.map(({ name }) => name)).toContain('create_tree_branch');
    const nothing = await client.callTool({ name: 'call_tool', arguments: {} });
    expect(nothing).toMatchObject({ isError: true, structuredContent: { error: { code: 'INVALID_PARAMS' } } });
    const args = { name: 'list_zones', arguments: {} };
    expect(await client.callTool({ name: 'call_tool', arguments: args })).toEqual(await client.callTool(args));
  });

  test('reads files as resources, and the prompt', async () => {
    const { resources } = await client.listResources();
    expect(resources).toContainEqual({ uri: 'nexus://files/top%20%221%22.txt', name: 'top "1".txt', size: 3 });
    const { contents } = await client.readResource({ uri: 'nexus://files/top%20%221%22.txt' });
    expect(contents).toEqual([{ uri: 'nexus://files/top%20%221%22.txt', text: 'top' }]);
    await expect(client.readResource({ uri: 'nexus://files/none' })).rejects.toMatchObject({ code: -32602 });
    await expect(client.readResource({ uri: 'file:///etc/passwd' })).rejects.toMatchObject({ code: -32602 });
    const { resourceTemplates } = await client.listResourceTemplates();
    expect(resourceTemplates).toMatchObject([{ uriTemplate: 'nexus://files/{+path}' }]);
    const { prompts } = await client.listPrompts();
    const { messages } = await client.getPrompt({ name: prompts[0]?.name ?? '' });
    expect(messages).toMatchObject([{ role: 'user', content: { text: expect.stringContaining('search_tools') } }]);
  });
});

test('what the list shows is what the caller may call, and what is switched on', async () => {
  const key = await server.addKey({ subject: 'looker', role: 'viewer', grants: [] });
  const viewer = await byHttp('2026-07-28', { key });
  const names = (await viewer.listTools()).tools.map(({ name }) => name);
  expect(names).toContain('read_file');
  expect(names).not.toContain('write_file');
  const denied = await viewer.callTool({ name: 'write_file', arguments: { path: '/x', content: '' } });
  expect(denied.structuredContent).toMatchObject({ error: { code: 'ACCESS_DENIED' }, suggested_tools: ['whoami'] });
  await viewer.close();

  const few = await byHttp('2025-11-25', { query: '?tools=search' });
  expect((await few.listTools()).tools.map(({ name }) => name)).toEqual(['call_tool', 'search_tools']);
  const found = async (): Promise<unknown> =>
    (await few.callTool({ name: 'search_tools', arguments: { query: 'submit_task', limit: 1 } })).structuredContent;
  expect(await found()).toMatchObject({ tools: [{ name: 'submit_task' }] });
  const admin = { authorization: `Bearer ${ADMIN_KEY}` };
  const switched = (act: string) => server.http(`/api/v2/bricks/scheduler/${act}`, { method: 'POST', headers: admin });
  expect((await switched('unmount')).status).toBe(200);
  expect(await found()).not.toMatchObject({ tools: [{ name: 'submit_task' }] });
  const off = await few.callTool({ name: 'list_tasks', arguments: {} });
  expect(off.structuredContent).toMatchObject({ error: { code: 'UNAVAILABLE' }, suggested_tools: ['list_tasks'] });
  expect((await switched('mount')).status).toBe(200);
  await few.close();
});

test('what is too large is refused by a limit: a result before it is made, a request before it is read', async () => {
  await server.ok('write', { path: '/large.txt', content: 'x'.repeat(200_000) });
  const client = await byHttp('2026-07-28');
  const large = await client.callTool({ name: 'read_file', arguments: { path: '/large.txt', encoding: 'utf-8' } });
  expect(large.structuredContent).toMatchObject({
    error: { code: 'LIMIT_EXCEEDED', data: { limit: 'TOOL_RESULT_BYTES', maximum: 100_000 } },
  });
  await client.close();
  const response = await post('x'.repeat(17 * 1024 * 1024));
  expect([response.status, await response.json()]).toMatchObject([
    413,
    { error: { data: { code: 'BODY_TOO_LARGE' } } },
  ]);
});

const post = (body: string, headers: Record<string, string> = {}): Promise<Response> =>
  server.http('/mcp', {
    method: 'POST',
    headers: {
      authorization: `Bearer ${ADMIN_KEY}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
    },
    body,
  });

const PING = '{"jsonrpc":"2.0","id":1,"method":"ping"}';

test('who shows no key is 401 in the form of the protocol', async () => {
  const response = await post(PING, { authorization: '' });
  expect(response.headers.get('www-authenticate')).toBe('Bearer');
  expect([response.status, await response.json()]).toMatchObject([
    401,
    { jsonrpc: '2.0', id: null, error: { code: -401 } },
  ]);
});

test.each([
  [{ origin: 'https://evil.example' }, 403],
  [{ origin: 'null' }, 403],
  [{ origin: 'https://console.example' }, 200],
  [{ origin: 'http://localhost:3000' }, 200],
])('a page of %j is answered with %i', async (headers, status) => {
  expect((await post(PING, headers)).status).toBe(status);
});

test.each([
  ['rebound.example', 403],
  ['console.example', 200],
  ['127.0.0.1:2026', 200],
  ['localhost', 200],
])('a request for the host %s on this machine is answered with %i', async (host, status) => {
  // A fetch sets its own.
  const { request } = await import('node:http');
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const headers = { host, authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json', accept: '*/*' };
  const sent = request(
    `${server.url}/mcp`,
    { method: 'POST', headers: { ...headers, accept: 'application/json, text/event-stream' } },
    (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    },
  );
  sent.on('error', reject).end(PING);
  expect(await promise).toBe(status);
});

test.each(['{', '[]', '"x"', '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":5}}', '{"id":{}}'])(
  'rubbish is told as such: %s',
  async (body) => {
    const response = await post(body);
    const text = await response.text();
    expect([response.status < 500, text.includes('"error"')]).toEqual([true, true]);
    expect(text).not.toMatch(/\.[mc]?[jt]s:\d|node:internal/);
  },
);

const LISTEN = JSON.stringify({
  jsonrpc: '2.0',
  id: 'l',
  method: 'subscriptions/listen',
  params: {
    notifications: { toolsListChanged: true },
    _meta: {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': {},
    },
  },
});
const MODERN = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'subscriptions/listen' };

test('a subscription takes a place among the streams, and ends with its key', async () => {
  const { key, key_id } = await server.ok('admin_create_key', { name: 'l', subject_id: 'listener', role: 'viewer' });
  const { streams } = server.running.server;
  const before = streams.size;
  const response = await post(LISTEN, { ...MODERN, authorization: `Bearer ${key}` });
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
  expect(streams.size).toBe(before + 1);
  const admin = { authorization: `Bearer ${ADMIN_KEY}` };
  await server.http('/api/v2/bricks/sync/unmount', { method: 'POST', headers: admin });
  await server.http('/api/v2/bricks/sync/mount', { method: 'POST', headers: admin });
  await server.ok('admin_revoke_key', { key_id });
  const told = [...(await response.text()).matchAll(/"method":"([^"]*)"/g)].map(([, method]) => method);
  expect(told).toEqual([
    'notifications/subscriptions/acknowledged',
    'notifications/tools/list_changed',
    'notifications/tools/list_changed',
  ]);
  await expect.poll(() => streams.size, { timeout: 20_000 }).toBe(before);
});

test('messages come one by one', async () => {
  const response = await post(`[${PING}]`);
  expect([response.status, await response.text()]).toEqual([400, expect.stringContaining('one by one')]);
});

test('an older client is offered 2025-11-25', async () => {
  const params = { protocolVersion: '2024-11-05', capabilities: {}, clientInfo: { name: 'old', version: '1' } };
  const response = await post(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params }));
  expect(await response.text()).toContain('"protocolVersion":"2025-11-25"');
});

/** `nexus mcp` on pipes. */
function startBridge(key: string) {
  const env = { NEXUS_URL: server.url, NEXUS_API_KEY: key, HOME: home };
  const child = spawn(process.execPath, [NEXUS, 'mcp'], { env, cwd: home, stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    child,
    say: (message: object) => child.stdin.write(`${JSON.stringify(message)}\n`),
    next: async (): Promise<unknown> => JSON.parse((await lines.next()).value ?? 'null'),
  };
}

describe('nexus mcp', () => {
  const call = (id: number, name: string, args: object) => ({
    jsonrpc: '2.0',
    id,
    method: 'tools/call',
    params: { name, arguments: args },
  });

  test('answers a refusal of the key under the id of the request, as an error and nothing else', async () => {
    const { say, next } = startBridge('sk-bad');
    say(call(7, 'whoami', {}));
    expect(await next()).toEqual({ jsonrpc: '2.0', id: 7, error: expect.objectContaining({ code: -401 }) });
  });

  test('takes texts with every separator there is', async () => {
    const { say, next, child } = startBridge(ADMIN_KEY);
    const content = 'a\u2028b\u2029c\rd\ne';
    say(call(1, 'write_file', { path: '/separators.txt', content }));
    expect(await next()).toMatchObject({ id: 1, result: { structuredContent: { path: '/separators.txt' } } });
    child.stdin.end(JSON.stringify(call(2, 'read_file', { path: '/separators.txt' })));
    expect(await next()).toMatchObject({ id: 2, result: { content: [{ text: JSON.stringify(content) }] } });
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  test('ends what is cancelled, and what nobody listens to any more, at the server too', async () => {
    const { streams } = server.running.server;
    const before = streams.size;
    const { say, child } = startBridge(ADMIN_KEY);
    say(call(1, 'wait_for_event', { path: '/never', timeout: 60 }));
    await expect.poll(() => streams.size, { timeout: 20_000 }).toBe(before + 1);
    say({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } });
    await expect.poll(() => streams.size, { timeout: 20_000 }).toBe(before);
    child.stdin.write(`${LISTEN}\n`);
    await expect.poll(() => streams.size, { timeout: 20_000 }).toBe(before + 1);
    child.stdin.end();
    expect(await once(child, 'exit')).toEqual([0, null]);
    await expect.poll(() => streams.size, { timeout: 20_000 }).toBe(before);
  });
});

test('figures tell of messages by method and status', async () => {
  for (const body of [PING, PING.replace('ping', 'made/up')]) expect((await post(body)).status).toBe(200);
  const admin = { authorization: `Bearer ${ADMIN_KEY}` };
  const figures = await (await server.http('/metrics/prometheus', { headers: admin })).text();
  expect(figures).toMatch(/nexus_mcp_requests_total\{method="ping",status="200"\} \d+/);
  expect(figures).toMatch(/nexus_mcp_requests_total\{method="other",status="200"\} 1/);
});

test('what a tool changes is an event of the channel mcp', async () => {
  const client = await byHttp('2026-07-28');
  await client.callTool({ name: 'write_file', arguments: { path: '/by-tool.txt', content: 'x' } });
  await client.close();
  const headers = { authorization: `Bearer ${ADMIN_KEY}` };
  const listed = await server.http('/api/v2/events?path_pattern=/by-tool.txt', { headers });
  expect(await listed.json()).toMatchObject({ events: [{ channel: 'mcp' }] });
});

test.each([
  ['give somebody access to a folder', 'create_share'],
  ['history of a file', 'list_versions'],
  ['every hour', 'create_schedule'],
  ['mkdir', 'make_folder'],
  ['grep', 'search_files'],
  ['undo changes of a folder', 'restore_tree'],
])('who asks for "%s" finds %s', async (query, name) => {
  const client = await byHttp('2026-07-28');
  const found = await client.callTool({ name: 'search_tools', arguments: { query, limit: 6 } });
  const { tools: some } = found.structuredContent as { tools: { name: string }[] };
  expect(some.map((one) => one.name)).toContain(name);
  await client.close();
});

test('names of tools are words that belong to one operation each', () => {
  expect([...tools.keys()].filter((name) => !/^[a-z][a-z0-9_]{2,60}$/.test(name))).toEqual([]);
  expect(new Set([...tools.values()].map(({ operation }) => operation.name)).size).toBe(tools.size);
  expect([...CORE_TOOLS].filter((name) => !tools.has(name))).toEqual([]);
});
