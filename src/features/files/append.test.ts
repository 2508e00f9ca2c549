/** append: what it makes, representation, concurrency, faults, one event, exact usage. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../../test/harness.ts';
import { eventsAfter, seqOf, usageOf } from '../../../test/ledger.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(async () => {
  const { counted, real } = await usageOf(server);
  expect(counted).toEqual(real);
  await server.stop();
});

const append = (path: string, content: unknown, more: object = {}) => server.ok('append', { path, content, ...more });
const text = (path: string): Promise<string> => server.ok('read', { path, encoding: 'utf-8' });
const sha256 = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');
const marker = (bytes: Uint8Array): object => ({ __type__: 'bytes', data: Buffer.from(bytes).toString('base64') });

test('creates a missing file with its parents, then makes one version after another', async () => {
  const seq = await seqOf(server);
  expect(await append('/a/b/log.md', 'one\n')).toMatchObject({
    path: '/a/b/log.md',
    version: 1,
    size: 4,
    created: true,
    etag: sha256('one\n'),
    content_type: 'text/markdown',
    encoding: 'utf-8',
    revision: seq + 1,
  });
  const second = await append('/a/b/log.md', 'two\n');
  expect(second).toMatchObject({ version: 2, size: 8, created: false, etag: sha256('one\ntwo\n') });
  expect(await text('/a/b/log.md')).toBe('one\ntwo\n');
  expect(await eventsAfter(server, seq)).toMatchObject([
    { type: 'write', path: '/a/b/log.md', data: { via: 'append', version: 1, size: 4 } },
    { type: 'write', path: '/a/b/log.md', data: { via: 'append', version: 2, size: 8, etag: second.etag } },
  ]);
  const history = await server.ok('list_versions', { path: '/a/b/log.md' });
  expect(history.map((v: { change_reason: string }) => v.change_reason)).toEqual(['append', 'append']);
});

test('keeps metadata and content type, and counts nothing as a version too', async () => {
  await server.ok('write', { path: '/kept', content: 'a', metadata: { k: 1 }, content_type: 'text/x-mine' });
  expect(await append('/kept', '')).toMatchObject({ version: 2, size: 1, content_type: 'text/x-mine' });
  expect(await server.ok('stat', { path: '/kept' })).toMatchObject({ metadata: { k: 1 }, version: 2 });
});

describe('representation is utf-8 only if both parts are', () => {
  const half = Buffer.from('é').subarray(0, 1);
  const other = Buffer.from('é').subarray(1);
  const cases: [string, object, object, string][] = [
    ['text and text', { content: 'a' }, { content: 'é' }, 'utf-8'],
    ['text and bytes that are text', { content: 'a' }, { content: marker(Buffer.from('b')) }, 'utf-8'],
    ['text and base64', { content: 'a' }, { content: 'Yg==', encoding: 'base64' }, 'base64'],
    ['base64 and text', { content: 'Yg==', encoding: 'base64' }, { content: 'a' }, 'base64'],
    ['two halves of one character', { content: marker(half) }, { content: marker(other) }, 'base64'],
    ['text and bytes that are none', { content: 'a' }, { content: marker(half) }, 'base64'],
  ];
  test.each(cases)('%s', async (name, first, second, encoding) => {
    const path = `/representation/${name}`;
    await server.ok('write', { path, ...first });
    expect(await server.ok('append', { path, ...second })).toMatchObject({ encoding });
  });

  test('yet whether the whole is text is told by its bytes', async () => {
    expect(await text('/representation/two halves of one character')).toBe('é');
  });
});

describe('large content', () => {
  const big = 'x'.repeat(100_000);

  test('is appended to, and is appended', async () => {
    await server.ok('write', { path: '/big/a', content: big });
    expect(await append('/big/a', 'end')).toMatchObject({ version: 2, size: 100_003, etag: sha256(`${big}end`) });
    expect(await text('/big/a')).toBe(`${big}end`);
    await server.ok('write', { path: '/big/b', content: 'start' });
    expect(await append('/big/b', big)).toMatchObject({ version: 2, etag: sha256(`start${big}`) });
    expect(await append('/big/c', big)).toMatchObject({ version: 1, created: true, etag: sha256(big) });
    expect(await append('/big/c', big)).toMatchObject({ version: 2, etag: sha256(big + big), encoding: 'utf-8' });
  });

  test('crosses from rows to files at the threshold', async () => {
    const half = 'h'.repeat(32 * 1024);
    for (const [n, size] of [32, 64, 96].entries()) {
      expect(await append('/big/threshold', half)).toMatchObject({ version: n + 1, size: size * 1024 });
    }
    expect(await text('/big/threshold')).toBe(half.repeat(3));
  });

  test('is text when its parts are no text by themselves', async () => {
    const bytes = Buffer.from(`${big}é`);
    await server.ok('write', { path: '/big/halves', content: marker(bytes.subarray(0, -1)) });
    expect(await server.fault('read', { path: '/big/halves', encoding: 'utf-8' })).toBe('NOT_TEXT');
    expect(await append('/big/halves', marker(bytes.subarray(-1)))).toMatchObject({ encoding: 'base64' });
    expect(await text('/big/halves')).toBe(`${big}é`);
  });

  test('over 1 MiB in one text', async () => {
    const huge = 'y'.repeat(1_500_000);
    await append('/big/huge', 'x');
    expect(await append('/big/huge', huge)).toMatchObject({ size: 1_500_001, etag: sha256(`x${huge}`) });
  });
});

describe('concurrent appends all arrive whole', () => {
  const line = (n: number, length: number): string => `${n}:${String.fromCharCode(97 + (n % 26)).repeat(length)}\n`;

  async function appendAll(path: string, length: number): Promise<void> {
    const seq = await seqOf(server);
    const lines = Array.from({ length: 32 }, (_, n) => line(n, length));
    const results = await Promise.all(lines.map((content) => append(path, content)));
    expect(results.map(({ version }) => version).sort((a, b) => a - b)).toEqual(lines.map((_, n) => n + 1));
    const arrived = (await text(path)).match(/[^\n]*\n/g) ?? [];
    expect(arrived.toSorted()).toEqual(lines.toSorted());
    expect(await eventsAfter(server, seq)).toHaveLength(32);
  }

  test('small', () => appendAll('/concurrent/small', 100));
  test('growing out of the rows', () => appendAll('/concurrent/growing', 4_000));
  test('large', () => appendAll('/concurrent/large', 70_000));
});

test('if_match', async () => {
  const { etag } = await append('/match', 'a');
  expect(await server.fault('append', { path: '/match', content: 'b', if_match: sha256('b') })).toBe('ETAG_MISMATCH');
  expect(await server.fault('append', { path: '/match/no', content: 'b' })).toBe('NOT_A_DIRECTORY');
  expect(await server.fault('append', { path: '/unmatched', content: 'b', if_match: etag })).toBe('ETAG_MISMATCH');
  expect(await append('/match', 'b', { if_match: etag })).toMatchObject({ size: 2 });
  const big = 'x'.repeat(70_000);
  expect(await server.fault('append', { path: '/match', content: big, if_match: etag })).toBe('ETAG_MISMATCH');
  const same = await Promise.all(
    Array.from({ length: 8 }, () => server.rpc('append', { path: '/match', content: big, if_match: sha256('ab') })),
  );
  expect(same.filter(({ error }) => error === null)).toHaveLength(1);
  expect(same.flatMap(({ error }) => (error ? [error.data.code] : []))).toEqual(Array(7).fill('ETAG_MISMATCH'));
});

test('faults change nothing', async () => {
  await server.ok('mkdir', { path: '/faults/dir', parents: true });
  await server.ok('write', { path: '/faults/file', content: 'x' });
  const reader = await server.addKey({ grants: [['direct_viewer', '/faults']] });
  const seq = await seqOf(server);
  const big = 'x'.repeat(70_000);
  for (const content of ['x', big]) {
    expect(await server.fault('append', { path: '/', content })).toBe('INVALID_PATH');
    expect(await server.fault('append', { path: '/faults/dir', content })).toBe('IS_A_DIRECTORY');
    expect(await server.fault('append', { path: '/faults/file/x', content })).toBe('NOT_A_DIRECTORY');
    expect(await server.fault('append', { path: '/faults/file', content }, reader)).toBe('ACCESS_DENIED');
    expect(await server.fault('append', { path: '/faults/none', content }, reader)).toBe('ACCESS_DENIED');
  }
  expect(await server.fault('append', { path: '/faults/file' })).toBe('INVALID_PARAMS');
  expect(await server.fault('append', { path: '/faults/file', content: 'no base64', encoding: 'base64' })).toBe(
    'INVALID_PARAMS',
  );
  expect(await server.fault('append', { path: '/faults/file', content: '\ud800' })).toBe('INVALID_PARAMS');
  expect(await seqOf(server)).toBe(seq);
  expect(await text('/faults/file')).toBe('x');
});

test('the quota of the zone holds, for the whole and for one file', async () => {
  await server.addZone('narrow', { max_storage_bytes: 10, max_file_bytes: 8 });
  const of = (path: string, content: string) => server.fault('append', { path: `/zone/narrow${path}`, content });
  expect(await append('/zone/narrow/a', '12345678')).toMatchObject({ path: '/zone/narrow/a', size: 8 });
  expect(await of('/a', '9')).toBe('QUOTA_EXCEEDED');
  expect(await of('/b', '123')).toBe('QUOTA_EXCEEDED');
  expect(await append('/zone/narrow/b', '12')).toMatchObject({ size: 2 });
  const { counted, real } = await usageOf(server, 'narrow');
  expect(counted).toEqual({ files: 2, bytes: 10, tuples: 0 });
  expect(real).toEqual(counted);
});
