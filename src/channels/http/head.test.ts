/** Heads of odd forms: what they name is one thing to all layers, and what is refused is refused in our own words. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ADMIN_KEY, startTestServer, type TestServer } from '../../../test/harness.ts';
import { exchange } from '../../../test/raw-http.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  await server.ok('write', { path: '/a/b', content: 'there' });
});
afterAll(() => server.stop());

const KEY = `Authorization: Bearer ${ADMIN_KEY}\r\n`;
const HOST = 'Host: x\r\n';
const ask = async (line: string, headers = HOST + KEY, body = '') => {
  const answer = await exchange(server.url, `${line}\r\n${headers}\r\n${body}`);
  const text = String(answer.body);
  return {
    ...answer,
    text,
    json: () => JSON.parse(text) as { path?: string; error: { code: string; message: string } },
  };
};

describe('a target', () => {
  test('that is a whole URL is what stands behind its host, at every door', async () => {
    const at = 'HTTP://nexus.example:80';
    expect(await ask(`GET ${at}/api/v2/files/a/b HTTP/1.1`)).toMatchObject({ status: 200, text: 'there' });
    const put = await ask(`PUT ${at}/api/v2/files/a/c HTTP/1.1`, `${HOST}${KEY}Content-Length: 1\r\n`, 'c');
    expect([put.status, put.json().path]).toEqual([201, '/a/c']);
    expect((await ask(`DELETE ${at}/api/v2/files/a/c HTTP/1.1`)).status).toBe(204);
    const { entries } = await server.ok('list', { path: '/', recursive: false, details: true });
    expect(entries).toMatchObject([{ path: '/a' }]);
    const failed = await ask(`POST ${at}/api/nfs/whoami HTTP/1.1`, `${HOST}${KEY}Content-Length: 1\r\n`, '{');
    expect([failed.status, failed.json()]).toMatchObject([200, { jsonrpc: '2.0', error: { code: -32700 } }]);
    expect((await ask(`PATCH ${at}/api/v2/files/a/b HTTP/1.1`)).status).toBe(405);
    expect((await ask(`GET ${at} HTTP/1.1`)).status).toBe(404);
    expect((await ask(`GET ${at}?x=/api/v2/files/a/b HTTP/1.1`)).status).toBe(404);
  });

  test('holds no fragment: a # is a character of the path', async () => {
    await server.ok('write', { path: '/a/d#e', content: 'sharp' });
    expect(await ask('GET /api/v2/files/a/d#e HTTP/1.1')).toMatchObject({ status: 200, text: 'sharp' });
  });
});

test.each([
  ['no Host', 'GET /api/v2/files/a/b HTTP/1.1', KEY, 400, 'INVALID_REQUEST', 'no Host header'],
  ['two Hosts', 'GET /api/v2/files/a/b HTTP/1.1', `${HOST}host: y\r\n${KEY}`, 400, 'INVALID_REQUEST', 'several Host'],
  ['an unknown expectation', 'GET /healthz HTTP/1.1', `${HOST}Expect: x\r\n`, 417, 'INVALID_REQUEST', 'Expect'],
  ['CONNECT', 'CONNECT a:80 HTTP/1.1', HOST, 405, 'INVALID_REQUEST', 'no proxy'],
  ['QUERY', 'QUERY /api/v2/files/a/b HTTP/1.1', HOST + KEY, 405, 'METHOD_NOT_ALLOWED', 'it takes DELETE, GET'],
  [
    'a body that is coded on its way',
    'PUT /api/v2/files/a/x HTTP/1.1',
    `${HOST}${KEY}Transfer-Encoding: gzip, chunked\r\n`,
    415,
    'UNSUPPORTED_MEDIA_TYPE',
    'gzip, chunked',
  ],
])('%s is refused in our own words', async (_what, line, headers, status, code, words) => {
  const answer = await ask(line, headers, headers.includes('chunked') ? '0\r\n\r\n' : '');
  expect([answer.status, answer.json().error.code]).toEqual([status, code]);
  expect(answer.json().error.message).toContain(words);
  expect(answer.headers['x-request-id']).toMatch(/^[\w-]{36}$/);
});

test('HTTP/1.0 needs no Host, and is not told to go on', async () => {
  expect(await ask('GET /api/v2/files/a/b HTTP/1.0', KEY)).toMatchObject({ status: 200, text: 'there' });
  const put = await ask('PUT /api/v2/files/a/f HTTP/1.0', `${KEY}Expect: 100-continue\r\nContent-Length: 1\r\n`, 'f');
  expect(put.status).toBe(201);
});
