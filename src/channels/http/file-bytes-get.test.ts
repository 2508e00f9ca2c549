/** Files over REST, read: GET and HEAD, ranges and conditions, slow readers. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { faultOf, SMALL, sha256, url } from '../../../test/file-bytes.ts';
import { ADMIN_KEY, startTestServer, type TestServer } from '../../../test/harness.ts';
import { exchange, openSocket, readAnswer, wire } from '../../../test/raw-http.ts';

/** More than is kept inline: it lies in the blob store. */
const LARGE = randomBytes(300 * 1024);

const bytesOf = async (answer: Response): Promise<Buffer> => Buffer.from(await answer.arrayBuffer());
const put = (path: string, body: RequestInit['body']): Promise<Response> =>
  server.http(url(path), { method: 'PUT', body: body ?? null });

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  await server.ok('write', { path: '/ten.txt', content: SMALL.toString() });
  await server.ok('write', { path: '/empty', content: '' });
  await server.ok('mkdir', { path: '/folder' });
  expect((await put('/large.bin', LARGE)).status).toBe(201);
});
afterAll(() => server.stop());

describe('GET and HEAD', () => {
  test('give content and headers', async () => {
    for (const [path, content] of [
      ['/ten.txt', SMALL],
      ['/large.bin', LARGE],
      ['/empty', Buffer.alloc(0)],
    ] as const) {
      const stat = await server.ok('stat', { path });
      const got = await server.http(url(path));
      expect(got.status).toBe(200);
      expect((await bytesOf(got)).equals(content)).toBe(true);
      expect(Object.fromEntries(got.headers)).toMatchObject({
        etag: `"${sha256(content)}"`,
        'content-length': String(content.length),
        'content-type': stat.content_type,
        'last-modified': new Date(stat.modified_at).toUTCString(),
        'accept-ranges': 'bytes',
        'x-nexus-version': String(stat.version),
        'x-nexus-revision': String(stat.revision),
        'cache-control': 'private, no-cache',
        'x-content-type-options': 'nosniff',
        'content-security-policy': "sandbox; default-src 'none'",
      });
      expect(got.headers.get('content-disposition')).toBeNull();
      expect(got.headers.get('x-request-id')).toMatch(/^[\w-]{36}$/);
      const head = await server.http(url(path), { method: 'HEAD' });
      expect(head.status).toBe(200);
      expect(await head.text()).toBe('');
      const changing = /^(date|x-request-id|connection|keep-alive)$/;
      const kept = (answer: Response): [string, string][] =>
        [...answer.headers].filter(([name]) => !changing.test(name));
      expect(kept(head)).toEqual(kept(got));
    }
  });

  test.each([
    ['bytes=0-3', 206, '0123', 'bytes 0-3/10'],
    ['bytes=4-', 206, '456789', 'bytes 4-9/10'],
    ['bytes=-3', 206, '789', 'bytes 7-9/10'],
    ['bytes=8-100', 206, '89', 'bytes 8-9/10'],
    ['bytes=0-1,4-5', 200, '0123456789', null],
    ['lines=0-1', 200, '0123456789', null],
    ['bytes=5-2', 200, '0123456789', null],
  ])('Range %s is %d %j', async (range, status, text, contentRange) => {
    const answer = await server.http(url('/ten.txt'), { headers: { range } });
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-range')).toBe(contentRange);
    expect(answer.headers.get('content-length')).toBe(String(text.length));
    expect(await answer.text()).toBe(text);
    const head = await server.http(url('/ten.txt'), { method: 'HEAD', headers: { range } });
    expect([head.status, head.headers.get('content-length')]).toEqual([200, '10']);
  });

  test('a range of what lies in the blob store is exact across pieces', async () => {
    for (const [start, end] of [
      [0, 0],
      [65_535, 65_536],
      [1, 200_000],
      [LARGE.length - 1, LARGE.length - 1],
    ] as const) {
      const answer = await server.http(url('/large.bin'), { headers: { range: `bytes=${start}-${end}` } });
      expect(answer.status).toBe(206);
      expect((await bytesOf(answer)).equals(LARGE.subarray(start, end + 1))).toBe(true);
    }
  });

  test('no satisfiable range is 416 with the size', async () => {
    for (const [path, size] of [
      ['/ten.txt', 10],
      ['/empty', 0],
    ] as const) {
      const answer = await server.http(url(path), { headers: { range: 'bytes=10-' } });
      expect(answer.status).toBe(416);
      expect(answer.headers.get('content-range')).toBe(`bytes */${size}`);
      expect(await faultOf(answer)).toBe('RANGE_NOT_SATISFIABLE');
    }
  });

  test('conditions come before ranges, and If-Range decides on them', async () => {
    const etag = `"${sha256(SMALL)}"`;
    const modified = new Date((await server.ok('stat', { path: '/ten.txt' })).modified_at).toUTCString();
    const past = new Date(0).toUTCString();
    for (const [headers, status] of [
      [{ 'if-none-match': etag }, 304],
      [{ 'if-none-match': '*' }, 304],
      [{ 'if-none-match': '"other"' }, 206],
      [{ 'if-modified-since': modified }, 304],
      [{ 'if-modified-since': past }, 206],
      [{ 'if-match': etag }, 206],
      [{ 'if-match': '"other"' }, 412],
      [{ 'if-unmodified-since': past }, 412],
      [{ 'if-unmodified-since': modified }, 206],
      [{ 'if-range': etag }, 206],
      [{ 'if-range': `W/${etag}` }, 200],
      [{ 'if-range': '"other"' }, 200],
      [{ 'if-range': modified }, 206],
      [{ 'if-range': past }, 200],
    ] as const) {
      const answer = await server.http(url('/ten.txt'), { headers: { range: 'bytes=0-0', ...headers } });
      expect([headers, answer.status]).toEqual([headers, status]);
      if (status === 412) expect(await faultOf(answer)).toBe('ETAG_MISMATCH');
      if (status !== 304) continue;
      expect(await answer.text()).toBe('');
      expect(answer.headers.get('etag')).toBe(etag);
      expect(answer.headers.get('cache-control')).toBe('private, no-cache');
      expect(answer.headers.get('content-type')).toBeNull();
    }
  });

  test.each([
    ['/none', 404, 'FILE_NOT_FOUND'],
    ['/folder', 409, 'IS_A_DIRECTORY'],
    ['/', 409, 'IS_A_DIRECTORY'],
    ['', 409, 'IS_A_DIRECTORY'],
    ['/ten.txt/below', 409, 'NOT_A_DIRECTORY'],
    ['/ten.txt?download=perhaps', 422, 'INVALID_PARAMS'],
    ['/ten.txt?version=one', 422, 'INVALID_PARAMS'],
    ['/ten.txt?verison=1', 422, 'INVALID_PARAMS'],
    ['/ten.txt?encoding=base64', 422, 'INVALID_PARAMS'],
    ['/ten.txt?as_of=1&as_of=2', 422, 'INVALID_PARAMS'],
    ['/ten.txt?branch=none', 404, 'BRANCH_NOT_FOUND'],
  ])('%s is %d %s', async (path, status, code) => {
    const answer = await server.http(url(path));
    expect(answer.status).toBe(status);
    expect(await faultOf(answer)).toBe(code);
    const head = await server.http(url(path), { method: 'HEAD' });
    expect(head.status).toBe(status);
    expect(await head.text()).toBe('');
  });

  test('older revisions and versions stay readable', async () => {
    const { revision } = await server.ok('write', { path: '/old', content: 'old' });
    await server.ok('write', { path: '/old', content: 'new' });
    expect(await (await server.http(url(`/old?as_of=${revision}`))).text()).toBe('old');
    expect(await (await server.http(url('/old'))).text()).toBe('new');
    const first = await server.http(url('/old?version=1'));
    expect([await first.text(), first.headers.get('x-nexus-version')]).toEqual(['old', '1']);
    const none = await server.http(url('/old?version=3'));
    expect([none.status, await faultOf(none)]).toEqual([404, 'VERSION_NOT_FOUND']);
  });

  test('a download has the name of the file', async () => {
    await put(`/${encodeURIComponent('a"b\\c%é\'(x).txt')}`, 'x');
    const answer = await server.http(url(`/${encodeURIComponent('a"b\\c%é\'(x).txt')}?download`));
    expect(answer.headers.get('content-disposition')).toBe(
      "attachment; filename=\"a_b_c__'(x).txt\"; filename*=UTF-8''a%22b%5Cc%25%C3%A9%27%28x%29.txt",
    );
    expect((await server.http(url('/ten.txt?download=0'))).headers.get('content-disposition')).toBeNull();
  });

  test('what would break the head of the answer does not stand in it', async () => {
    const metadata = { 'a b': 'x\r\ny', 'ü(': { deep: [1] }, half: '\ud800', long: 'x'.repeat(15_000) };
    await server.ok('write', { path: '/odd', content: 'x', metadata });
    const answer = await server.http(url('/odd'));
    expect(answer.status).toBe(200);
    expect(answer.headers.get('x-nexus-meta-a%20b')).toBe('x%0D%0Ay');
    expect(answer.headers.get('x-nexus-meta-%c3%bc%28')).toBe('%7B%22deep%22%3A%5B1%5D%7D');
    expect(answer.headers.get('x-nexus-meta-half')).toBe('%EF%BF%BD');
    expect(answer.headers.get('x-nexus-meta-long')).toBeNull();
  });

  test('a path is decoded once, from the target as it came', async () => {
    await server.ok('write', { path: '/raw/%41.txt', content: 'percent' });
    await server.ok('write', { path: '/raw/é.txt', content: 'accent' });
    const get = async (target: string): Promise<string | number> => {
      const answer = await exchange(server.url, Buffer.from(wire(`GET ${target}`), 'latin1'));
      return answer.status === 200 ? answer.body.toString() : answer.status;
    };
    expect(await get(url('/raw/%2541.txt'))).toBe('percent');
    expect(await get('//api///v2/files//raw//%2541.txt/')).toBe('percent');
    expect(await get(url('/raw/%C3%A9.txt'))).toBe('accent');
    expect(await get(url('/raw/\u00c3\u00a9.txt'))).toBe(400);
    for (const path of [
      '/raw/../ten.txt',
      '/raw/%2e%2e/ten.txt',
      '/raw/./x',
      '/raw%2Fx',
      '/a%00',
      '/%zz',
      '/%ff',
      '/%',
    ]) {
      expect([path, await get(url(path))]).toEqual([path, 400]);
    }
    expect((await exchange(server.url, wire(`GET ${url('/%zz')}`).replace(ADMIN_KEY, 'wrong'))).status).toBe(401);
  });

  test('another zone is read under its prefix, and stays closed to others', async () => {
    await server.addZone('elsewhere');
    const written = await put('/zone/elsewhere/x.txt', 'there');
    expect(written.headers.get('location')).toBe('/api/v2/files/zone/elsewhere/x.txt');
    expect(await (await server.http(url('/zone/elsewhere/x.txt'))).text()).toBe('there');
    expect(await (await server.http(url('/x.txt'), { headers: { 'x-nexus-zone-id': 'elsewhere' } })).text()).toBe(
      'there',
    );
    expect(await (await server.http(url('/x.txt?zone_id=elsewhere'))).text()).toBe('there');
    const key = await server.addKey({ role: 'viewer' });
    const foreign = await server.http(url('/zone/elsewhere/x.txt'), { headers: { authorization: `Bearer ${key}` } });
    expect(foreign.status).toBe(403);
  });
});

describe('a slow reader', () => {
  test('gets the version it began with, while the file is overwritten and deleted', async () => {
    const content = randomBytes(4 * 1024 * 1024);
    await put('/slow', content);
    const socket = await openSocket(server.url);
    socket.write(wire(`GET ${url('/slow')}`));
    await once(socket, 'readable');
    await put('/slow', 'other');
    await server.ok('delete', { path: '/slow' });
    const answer = await readAnswer(socket);
    socket.destroy();
    expect(answer.body.equals(content)).toBe(true);
  });

  test('that goes away ends the reading', async () => {
    const socket = await openSocket(server.url);
    socket.write(wire(`GET ${url('/large.bin')}`));
    await once(socket, 'readable');
    socket.destroy();
    expect((await bytesOf(await server.http(url('/large.bin')))).equals(LARGE)).toBe(true);
  });
});
