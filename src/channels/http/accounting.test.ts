/** Every answer is one line of the log and counts once, by the id that its client was told, however early it was refused. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { ADMIN_KEY, startTestServer, type TestServer } from '../../../test/harness.ts';
import { exchange, openSocket, wire } from '../../../test/raw-http.ts';
import { HEAD_BYTES } from './connections.ts';

let server: TestServer;
const lines: { request_id?: unknown; status?: unknown; method?: unknown }[] = [];
beforeAll(async () => {
  server = await startTestServer({
    log: (_level, event, fields) => {
      if (event === 'http.request') lines.push(fields);
    },
  });
});
afterAll(() => server.stop());

const lineOf = (id: string | undefined) => lines.filter(({ request_id }) => request_id === id);
const counted = async (status: number): Promise<number> => {
  const { counters } = (await (await fetch(`${server.url}/metrics`)).json()) as { counters: Record<string, number> };
  return counters[`http.status.${status}`] ?? 0;
};
const ID = 'X-Request-ID: mine\r\n';
const KEY = `Authorization: Bearer ${ADMIN_KEY}\r\n`;

test.each([
  ['without a Host', `GET /a HTTP/1.1\r\n${KEY}`, 'mine', 'GET', 400],
  ['whose target is not percent-encoded', `GET /%zz HTTP/1.1\r\nHost: x\r\n${KEY}`, 'mine', 'GET', 400],
  ['whose target is that, of nobody', 'GET /%zz HTTP/1.1\r\nHost: x\r\n', 'mine', 'GET', 401],
  ['that expects the unknown', 'GET /healthz HTTP/1.1\r\nHost: x\r\nExpect: x\r\n', 'mine', 'GET', 417],
  ['to a proxy', 'CONNECT a:80 HTTP/1.1\r\nHost: x\r\n', 'mine', 'CONNECT', 405],
  ['that is no HTTP', 'hello\r\n', undefined, 'unknown', 400],
  ['whose head is too large', `GET / HTTP/1.1\r\nX: ${'x'.repeat(HEAD_BYTES)}\r\n`, undefined, 'unknown', 431],
])('a request %s', async (_what, head, id, method, status) => {
  lines.length = 0;
  const before = await counted(status);
  const answer = await exchange(server.url, `${head}${ID}\r\n`);
  const told = answer.headers['x-request-id'];
  expect(answer.status).toBe(status);
  if (id) expect(told).toBe(id);
  await vi.waitFor(() => expect(lineOf(told)).toMatchObject([{ status, method }]));
  expect(await counted(status)).toBe(before + 1);
});

test('whose body is none, told on the way, is refused once and by its own id', async () => {
  const socket = await openSocket(server.url);
  const headers = ['X-Request-ID: chunks', 'Transfer-Encoding: chunked', 'Expect: 100-continue'];
  socket.write(wire('PUT /api/v2/files/a', headers));
  await vi.waitFor(() => expect(String(socket.read() ?? '')).toContain('100 Continue'));
  socket.write('zz\r\n');
  let text = '';
  for await (const bytes of socket) text += String(bytes);
  expect(text).toMatch(/^HTTP\/1\.1 400 .*X-Request-ID: chunks/s);
  await vi.waitFor(() => expect(lineOf('chunks')).toMatchObject([{ status: 400, method: 'PUT' }]));
});

test('whose client is gone before its answer has no status that anybody was told', async () => {
  const socket = await openSocket(server.url);
  const headers = ['X-Request-ID: gone', 'Content-Length: 100', 'Expect: 100-continue'];
  socket.write(wire('PUT /api/v2/files/a', headers));
  await vi.waitFor(() => expect(String(socket.read() ?? '')).toContain('100 Continue'));
  const before = await counted(200);
  socket.resetAndDestroy();
  await vi.waitFor(() => expect(lineOf('gone')).toMatchObject([{ status: 499 }]));
  // Those that asked for figures.
  expect(await counted(200)).toBe(before + 1);
});
