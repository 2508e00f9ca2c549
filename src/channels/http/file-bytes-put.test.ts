/** Files over REST, written: PUT and DELETE, and their conditions. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { faultOf, SMALL, sha256, spoolsLeft, url } from '../../../test/file-bytes.ts';
import { ADMIN_KEY, startTestServer, type TestServer } from '../../../test/harness.ts';
import { exchange, openSocket, readAnswer, wire } from '../../../test/raw-http.ts';

const FILE_BYTES = 4 * 1024 * 1024;
/** More than is kept inline: it lies in the blob store. */
const LARGE = randomBytes(300 * 1024);

const put = (path: string, body: RequestInit['body'], headers: Record<string, string> = {}): Promise<Response> =>
  server.http(url(path), { method: 'PUT', body: body ?? null, headers });

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ environment: { NEXUS_LIMIT_FILE_BYTES: String(FILE_BYTES) } });
  await server.ok('write', { path: '/ten.txt', content: SMALL.toString() });
  await server.ok('mkdir', { path: '/folder' });
  expect((await put('/large.bin', LARGE)).status).toBe(201);
});
afterAll(() => server.stop());

describe('PUT', () => {
  test('creates with 201 and Location, and replaces with 200', async () => {
    const created = await put('/put/a%20b%23%C3%A9.txt', 'one', { 'content-type': 'text/plain;charset=utf-8' });
    expect(created.status).toBe(201);
    expect(created.headers.get('location')).toBe('/api/v2/files/put/a%20b%23%C3%A9.txt');
    expect(created.headers.get('etag')).toBe(`"${sha256(Buffer.from('one'))}"`);
    const result = (await created.json()) as object;
    expect(result).toMatchObject({ path: '/put/a b#é.txt', version: 1, size: 3, created: true, encoding: 'utf-8' });
    const replaced = await put('/put/a b%23é.txt', 'two');
    expect(replaced.status).toBe(200);
    expect(replaced.headers.get('location')).toBeNull();
    expect(await replaced.json()).toMatchObject({ version: 2, created: false });
    expect(await server.ok('read', { path: '/put/a b#é.txt', encoding: 'utf-8' })).toBe('two');
  });

  test('keeps the content type, or finds it by the name', async () => {
    await put('/put/typed', 'x', { 'content-type': 'text/x-own; charset=latin1' });
    expect((await server.ok('stat', { path: '/put/typed' })).content_type).toBe('text/x-own; charset=latin1');
    const answer = await exchange(server.url, wire(`PUT ${url('/put/named.png')}`, ['Content-Length: 1'], 'x'));
    expect(answer.status).toBe(201);
    expect((await server.ok('stat', { path: '/put/named.png' })).content_type).toBe('image/png');
  });

  test('counts as bytes: text is utf-8, the rest base64', async () => {
    await put('/put/binary', new Uint8Array([0xff, 0xfe]));
    expect((await server.ok('stat', { path: '/put/binary' })).encoding).toBe('base64');
    expect((await server.ok('stat', { path: '/large.bin' })).etag).toBe(sha256(LARGE));
  });

  test('takes own metadata, and keeps it when none comes', async () => {
    const first = await put('/put/meta', 'x', {
      'x-nexus-meta-author': 'J%C3%B6rg%20A',
      'x-nexus-meta-a%20b': '1',
    });
    expect(first.status).toBe(201);
    const metadata = { author: 'Jörg A', 'a b': '1' };
    expect((await server.ok('stat', { path: '/put/meta' })).metadata).toEqual(metadata);
    await put('/put/meta', 'y');
    expect((await server.ok('stat', { path: '/put/meta' })).metadata).toEqual(metadata);
    const got = await server.http(url('/put/meta'));
    expect(got.headers.get('x-nexus-meta-author')).toBe('J%C3%B6rg%20A');
    expect(got.headers.get('x-nexus-meta-a%20b')).toBe('1');
    // What no head has room for is left out, and nothing else.
    await server.ok('set_metadata', { path: '/put/meta', metadata: { big: 'x'.repeat(16_000), small: 1 } });
    const head = (await server.http(url('/put/meta'))).headers;
    expect([head.get('x-nexus-meta-big'), head.get('x-nexus-meta-small')]).toEqual([null, '1']);
    expect(await faultOf(await put('/put/meta', 'z', { 'x-nexus-meta-bad': '%zz' }))).toBe('INVALID_PARAMS');
  });

  test('is empty without a body, with a length or chunked', async () => {
    for (const headers of [[], ['Content-Length: 0'], ['Transfer-Encoding: chunked']]) {
      const body = headers[0]?.startsWith('Transfer') ? '0\r\n\r\n' : '';
      const answer = await exchange(server.url, wire(`PUT ${url('/put/nothing')}`, headers, body));
      expect(JSON.parse(answer.body.toString())).toMatchObject({ size: 0, etag: sha256(Buffer.alloc(0)) });
    }
  });

  test('takes chunks, small and large', async () => {
    for (const content of [SMALL, LARGE]) {
      const body = new ReadableStream({
        start: (controller) => {
          for (let at = 0; at < content.length; at += 1000) controller.enqueue(content.subarray(at, at + 1000));
          controller.close();
        },
      });
      const init = { method: 'PUT', body, duplex: 'half' } as RequestInit;
      expect(await (await server.http(url('/put/chunked'), init)).json()).toMatchObject({ etag: sha256(content) });
    }
  });

  test('verifies a digest', async () => {
    const digest = (bytes: Uint8Array): string => `:${createHash('sha256').update(bytes).digest('base64')}:`;
    for (const content of [SMALL, LARGE]) {
      const right = { 'content-digest': `sha-512=:AAAA:, sha-256=${digest(content)}` };
      expect((await put('/put/digest', content, right)).ok).toBe(true);
      for (const wrong of [digest(Buffer.from('other')), ':AAAA:', 'sha']) {
        const answer = await put('/put/digest', content, { 'content-digest': `sha-256=${wrong}` });
        expect(answer.status).toBe(400);
        expect(await faultOf(answer)).toBe('DIGEST_MISMATCH');
      }
    }
    expect((await put('/put/digest', SMALL, { 'content-digest': 'md5=:AAAA:' })).ok).toBe(true);
    expect((await server.ok('stat', { path: '/put/digest' })).version).toBe(3);
    expect(spoolsLeft(server)).toEqual([]);
  });

  test.each([
    ['/put/range', { 'content-range': 'bytes 0-1/2' }, 400, 'INVALID_REQUEST'],
    ['/put/coded', { 'content-encoding': 'gzip' }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['/put/typeless', { 'content-type': 'no type' }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['/folder', {}, 409, 'IS_A_DIRECTORY'],
    ['/ten.txt/below', {}, 409, 'NOT_A_DIRECTORY'],
    ['/', {}, 400, 'INVALID_PATH'],
    ['', {}, 400, 'INVALID_PATH'],
    ['/put/x?version=1', {}, 422, 'INVALID_PARAMS'],
    ['/put/x?branch=none', {}, 404, 'BRANCH_NOT_FOUND'],
    ['/put/x', { 'x-nexus-branch': 'none' }, 404, 'BRANCH_NOT_FOUND'],
    ['/put/x', { 'x-nexus-zone-id': 'nowhere' }, 404, 'ZONE_NOT_FOUND'],
    ['/put/x', { authorization: '' }, 401, 'UNAUTHENTICATED'],
  ])('%s with %j is %d %s', async (path, headers, status, code) => {
    const answer = await put(path, 'xy', headers);
    expect(answer.status).toBe(status);
    expect(await faultOf(answer)).toBe(code);
  });

  test('over FILE_BYTES is 413 and changes nothing, announced or not', async () => {
    const before = await server.ok('stat', { path: '/ten.txt' });
    const over = new Uint8Array(FILE_BYTES + 1);
    const answer = await put('/ten.txt', over);
    expect(answer.status).toBe(413);
    expect(await faultOf(answer)).toBe('BODY_TOO_LARGE');
    const body = new Blob([over]).stream();
    const unannounced = await server.http(url('/ten.txt'), { method: 'PUT', body, duplex: 'half' } as RequestInit);
    expect(unannounced.status).toBe(413);
    expect(await server.ok('stat', { path: '/ten.txt' })).toEqual(before);
    expect((await put('/put/just', new Uint8Array(FILE_BYTES))).status).toBe(201);
    expect(spoolsLeft(server)).toEqual([]);
  });

  test('needs write, and is denied alike whether or not the file exists', async () => {
    const key = await server.addKey({ grants: [['direct_viewer', '/folder']] });
    const headers = { authorization: `Bearer ${key}` };
    for (const body of [SMALL, LARGE]) {
      for (const path of ['/ten.txt', '/no/such', '/folder/new']) {
        expect((await put(path, body, headers)).status).toBe(403);
      }
    }
  });

  test('that breaks off leaves the old content', async () => {
    const before = await server.ok('stat', { path: '/large.bin' });
    for (const [headers, body] of [
      [['Content-Length: 1000000'], 'x'.repeat(500_000)],
      [['Content-Length: 10'], 'x'],
      [['Transfer-Encoding: chunked'], `186a0\r\n${'x'.repeat(100_000)}\r\n`],
      [['Transfer-Encoding: chunked'], '5\r\nhello\r\nzz\r\n'],
    ] as const) {
      const socket = await openSocket(server.url);
      socket.on('error', () => undefined);
      await new Promise((resolve) => socket.write(wire(`PUT ${url('/large.bin')}`, headers, body), resolve));
      socket.end();
      await once(socket.resume(), 'close');
    }
    // The server hears of the end after the client.
    await vi.waitFor(() => expect(spoolsLeft(server)).toEqual([]));
    expect(await server.ok('stat', { path: '/large.bin' })).toEqual(before);
  });

  test('waits for nothing, asks for the body, and does not where it would refuse', async () => {
    const expects = (path: string, ...more: string[]): string =>
      wire(`PUT ${url(path)}`, ['Expect: 100-continue', 'Content-Length: 5', ...more]);
    const socket = await openSocket(server.url);
    socket.write(expects('/put/expected'));
    expect((await readAnswer(socket)).status).toBe(100);
    socket.write('hello');
    expect((await readAnswer(socket)).status).toBe(201);
    socket.destroy();
    expect((await exchange(server.url, expects('/put/a%2Fb'))).status).toBe(400);
    expect((await exchange(server.url, expects('/put/x', 'Content-Range: bytes 0-4/5'))).status).toBe(400);
    const large = expects('/put/x').replace('Length: 5', `Length: ${FILE_BYTES + 1}`);
    expect((await exchange(server.url, large)).status).toBe(413);
    expect((await exchange(server.url, expects('/put/x').replace(ADMIN_KEY, 'wrong'))).status).toBe(401);
  });
});

describe('changes under conditions', () => {
  const conditional = async (
    method: 'PUT' | 'DELETE',
    path: string,
    headers: Record<string, string>,
  ): Promise<number> => {
    const answer = await server.http(url(path), { method, headers, ...(method === 'PUT' ? { body: 'new' } : {}) });
    if (answer.status === 412) expect(await faultOf(answer)).toBe('ETAG_MISMATCH');
    return answer.status;
  };

  test.each([
    [{ 'if-match': '"other"' }, 412, 412],
    [{ 'if-match': '*' }, 200, 412],
    [{ 'if-match': 'CURRENT' }, 200, 412],
    [{ 'if-match': '"other", CURRENT' }, 200, 412],
    [{ 'if-match': 'W/CURRENT' }, 412, 412],
    [{ 'if-none-match': '*' }, 412, 201],
    [{ 'if-none-match': 'CURRENT' }, 412, 201],
    [{ 'if-none-match': 'W/CURRENT' }, 412, 201],
    [{ 'if-none-match': '"other"' }, 200, 201],
    [{ 'if-unmodified-since': new Date(0).toUTCString() }, 412, 201],
    [{ 'if-unmodified-since': new Date(4e12).toUTCString() }, 200, 201],
    [{ 'if-match': '*', 'if-unmodified-since': new Date(0).toUTCString() }, 200, 412],
    [{ 'if-match': '*', 'if-none-match': '*' }, 412, 412],
  ] as const)('PUT with %j is %d on a file and %d on none', async (headers, onFile, onNone) => {
    await server.ok('write', { path: '/cond/there', content: 'old' });
    const etag = `"${sha256(Buffer.from('old'))}"`;
    const filled = Object.fromEntries(
      Object.entries(headers).map(([name, text]) => [name, text.replace('CURRENT', etag)]),
    );
    expect(await conditional('PUT', '/cond/there', filled)).toBe(onFile);
    expect(await conditional('PUT', '/cond/missing', filled)).toBe(onNone);
    if (onNone === 201) await server.ok('delete', { path: '/cond/missing' });
    await server.ok('write', { path: '/cond/there', content: 'old' });
    expect(await conditional('DELETE', '/cond/there', filled)).toBe(onFile === 200 ? 204 : 412);
    expect(await conditional('DELETE', '/cond/missing', filled)).toBe(404);
  });

  test('who rules out any file is told the etag of the one that is there', async () => {
    await server.ok('write', { path: '/cond/told', content: 'old' });
    const refused = await put('/cond/told', 'new', { 'if-none-match': '*' });
    const current_etag = sha256(Buffer.from('old'));
    expect([refused.status, await refused.json()]).toMatchObject([
      412,
      { error: { code: 'ETAG_MISMATCH', data: { path: '/cond/told', expected_etag: null, current_etag } } },
    ]);
  });

  test('of many that expect the same state one succeeds', async () => {
    await server.ok('write', { path: '/cond/race', content: 'old' });
    const headers = { 'if-match': `"${sha256(Buffer.from('old'))}"` };
    const answers = await Promise.all(Array.from({ length: 8 }, (_, n) => put('/cond/race', `new ${n}`, headers)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array.from({ length: 7 }, () => 412)]);
  });

  test('DELETE is 204; a directory 409, a missing file 404', async () => {
    await server.ok('write', { path: '/cond/gone', content: 'x' });
    const answer = await server.http(url('/cond/gone'), { method: 'DELETE' });
    expect(answer.status).toBe(204);
    expect(await answer.text()).toBe('');
    expect(answer.headers.get('content-length')).toBeNull();
    for (const [path, status, code] of [
      ['/cond/gone', 404, 'FILE_NOT_FOUND'],
      ['/folder', 409, 'IS_A_DIRECTORY'],
      ['/', 400, 'INVALID_PATH'],
    ] as const) {
      const failed = await server.http(url(path), { method: 'DELETE' });
      expect(failed.status).toBe(status);
      expect(await faultOf(failed)).toBe(code);
    }
  });
});
