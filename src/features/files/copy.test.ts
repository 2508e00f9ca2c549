/** copy: what it takes along and what not, files and directories, every fault, one event, exact usage. */
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

const write = (path: string, content = 'x', more: object = {}) => server.ok('write', { path, content, ...more });
const copy = (src_path: string, dst_path: string, more: object = {}) =>
  server.ok('copy', { src_path, dst_path, ...more });
const text = (path: string) => server.ok('read', { path, encoding: 'utf-8' });
const stat = (path: string) => server.ok('stat', { path });

describe('a file', () => {
  test('is copied with content, metadata and content type as a new file, without history', async () => {
    await write('/c1/a.txt', 'one');
    await write('/c1/a.txt', 'dHdv', { metadata: { k: [1] }, content_type: 'text/x-mine', encoding: 'base64' });
    const source = await stat('/c1/a.txt');
    const seq = await seqOf(server);
    const result = await copy('/c1/a.txt', '/c1/new/b.bin');
    expect(result).toMatchObject({
      copied: true,
      files: 1,
      path: '/c1/new/b.bin',
      etag: source.etag,
      version: 1,
      size: 3,
      created: true,
      revision: seq + 1,
      content_type: 'text/x-mine',
      encoding: 'base64',
      bytes_written: { path: '/c1/new/b.bin', size: 3, version: 1 },
    });
    const made = await stat('/c1/new/b.bin');
    expect(made).toMatchObject({ metadata: { k: [1] }, version: 1, revision: seq + 1 });
    expect(made.file_id).not.toBe(source.file_id);
    expect(await server.ok('list_versions', { path: '/c1/new/b.bin' })).toMatchObject([
      { version: 1, change_reason: 'copy' },
    ]);
    expect(await stat('/c1/a.txt')).toEqual(source);
    expect(await eventsAfter(server, seq)).toMatchObject([
      { type: 'write', path: '/c1/new/b.bin', data: { via: 'copy', source: '/c1/a.txt', version: 1 } },
    ]);
  });

  test('becomes the next version of a file with overwrite, and goes its own way afterwards', async () => {
    await write('/c2/a', 'aaa');
    const target = await write('/c2/b', 'b', { metadata: { old: true } });
    expect(await server.fault('copy', { src_path: '/c2/a', dst_path: '/c2/b' })).toBe('ALREADY_EXISTS');
    const result = await copy('/c2/a', '/c2/b', { overwrite: true });
    expect(result).toMatchObject({ version: 2, created: false, created_at: target.created_at });
    expect((await stat('/c2/b')).metadata).toEqual({});
    await write('/c2/a', 'changed');
    expect(await text('/c2/b')).toBe('aaa');
    expect(await copy('/c2/b', '/c2/b', { overwrite: true })).toMatchObject({ version: 3, size: 3 });
  });

  test('however large is copied by reference', async () => {
    const big = 'b'.repeat(200_000);
    await write('/c3/a', big);
    expect(await copy('/c3/a', '/c3/b')).toMatchObject({ size: 200_000 });
    await server.ok('delete', { path: '/c3/a' });
    expect(await text('/c3/b')).toBe(big);
  });
});

describe('a directory', () => {
  test('is copied with all that is below it, in one revision and one event', async () => {
    await write('/d1/é😀/x/1', 'one', { metadata: { n: 1 } });
    await write('/d1/é😀/x/1', 'uno');
    await write('/d1/é😀/2', 'two', { content_type: 'a/b' });
    await write('/d1/é😀0', 'a neighbour');
    await server.ok('mkdir', { path: '/d1/é😀/empty' });
    const seq = await seqOf(server);
    const call = { src_path: '/d1/é😀', dst_path: '/d1/to/😀' };
    expect(await server.fault('copy', call)).toBe('IS_A_DIRECTORY');
    const result = await server.ok('copy', { ...call, recursive: true });
    const at = result.created_at;
    expect(result).toEqual({
      path: '/d1/to/😀',
      etag: null,
      hash: null,
      version: null,
      size: 0,
      created: true,
      created_at: at,
      modified_at: at,
      revision: seq + 1,
      content_type: null,
      encoding: null,
      bytes_written: { path: '/d1/to/😀', etag: null, version: null, size: 0, modified_at: at },
      copied: true,
      files: 2,
    });
    const { entries } = await server.ok('list', { path: '/d1/to', recursive: true, details: true });
    expect(entries.map((e: { path: string; version: number | null }) => [e.path, e.version])).toEqual([
      ['/d1/to/😀', null],
      ['/d1/to/😀/2', 1],
      ['/d1/to/😀/empty', null],
      ['/d1/to/😀/x', null],
      ['/d1/to/😀/x/1', 1],
    ]);
    const ids = entries.map((e: { file_id: string }) => e.file_id);
    expect(new Set([...ids, (await stat('/d1/to')).file_id]).size).toBe(6);
    expect(await stat('/d1/to/😀/x/1')).toMatchObject({ metadata: { n: 1 }, created_at: at, revision: seq + 1 });
    expect((await stat('/d1/to/😀/2')).content_type).toBe('a/b');
    expect((await server.ok('list', { path: '/d1/to/😀' })).files).toEqual(entries.slice(1, 4).map(pathOf));
    expect(await text('/d1/to/😀/x/1')).toBe('uno');
    expect(await eventsAfter(server, seq)).toMatchObject([
      { type: 'write', path: '/d1/to/😀', data: { via: 'copy', source: '/d1/é😀', subtree: true, files: 2 } },
    ]);
    await write('/d1/to/😀/x/1', 'changed');
    expect(await text('/d1/é😀/x/1')).toBe('uno');
  });

  const pathOf = ({ path }: { path: string }): string => path;

  test('goes only where there is nothing, and not into itself', async () => {
    await write('/d2/a/f');
    await write('/d2/file');
    await server.ok('mkdir', { path: '/d2/empty' });
    const from = { src_path: '/d2/a', recursive: true, overwrite: true };
    for (const dst_path of ['/d2/empty', '/d2/file', '/d2/a', '/d2']) {
      expect([dst_path, await server.fault('copy', { ...from, dst_path })]).toEqual([dst_path, 'ALREADY_EXISTS']);
    }
    expect(await server.fault('copy', { ...from, dst_path: '/d2/a/b' })).toBe('INVALID_PATH');
    expect(await server.fault('copy', { ...from, src_path: '/', dst_path: '/d2/root' })).toBe('INVALID_PATH');
    const onto = { src_path: '/d2/file', dst_path: '/d2/empty', overwrite: true };
    expect(await server.fault('copy', onto)).toBe('ALREADY_EXISTS');
  });

  test('is refused where a path below it would be too long', async () => {
    const long = `/d3/long/${'l'.repeat(1000)}/${'l'.repeat(1000)}/${'l'.repeat(1000)}`;
    await server.ok('mkdir', { path: long, parents: true });
    const to = `/d3/${'é'.repeat(512)}/${'d'.repeat(100)}`;
    expect(await server.fault('copy', { src_path: '/d3/long', dst_path: to, recursive: true })).toBe('INVALID_PATH');
  });
});

test('faults come in their order and change nothing', async () => {
  await write('/f/a');
  await write('/f/dir/x');
  const source = await server.addKey({ grants: [['direct_viewer', '/f/a']] });
  const target = await server.addKey({ grants: [['direct_editor', '/f/dir']] });
  const seq = await seqOf(server);
  const cases: [string, string, string, string?][] = [
    ['/f/a', '/', 'INVALID_PATH'],
    ['/f/../a', '/f/b', 'INVALID_PATH'],
    ['/f/none', '/f/b', 'FILE_NOT_FOUND'],
    ['/f/a/under', '/f/b', 'NOT_A_DIRECTORY'],
    ['/f/dir/x', '/f/a/under', 'NOT_A_DIRECTORY'],
    ['/f/a', '/f/dir', 'ALREADY_EXISTS'],
    ['/f/dir', '/f/b', 'IS_A_DIRECTORY'],
    ['/f/a', '/f/dir/y', 'ACCESS_DENIED', source],
    ['/f/none', '/f/dir/y', 'ACCESS_DENIED', source],
    ['/f/a', '/f/dir/y', 'ACCESS_DENIED', target],
    ['/f/none', '/f/dir/y', 'ACCESS_DENIED', target],
  ];
  for (const [src_path, dst_path, code, key] of cases) {
    expect([src_path, dst_path, await server.fault('copy', { src_path, dst_path }, key)]).toEqual([
      src_path,
      dst_path,
      code,
    ]);
  }
  expect(await server.fault('copy', { src_path: '/f/a' })).toBe('INVALID_PARAMS');
  expect(await seqOf(server)).toBe(seq);
});

test('grants are not copied', async () => {
  await write('/g/a/f', 'secret');
  const key = await server.addKey({ grants: [['direct_viewer', '/g/a']] });
  await copy('/g/a', '/g/b', { recursive: true });
  await copy('/g/a/f', '/g/f');
  expect(await server.fault('read', { path: '/g/b/f' }, key)).toBe('ACCESS_DENIED');
  expect(await server.fault('read', { path: '/g/f' }, key)).toBe('ACCESS_DENIED');
});

test('quotas count what is copied', async () => {
  await server.addZone('copies', { max_storage_bytes: 100, max_files: 4, max_file_bytes: 40 });
  const of = (path: string) => `/zone/copies${path}`;
  await write(of('/d/a'), 'x'.repeat(40));
  await write(of('/d/b'), 'x'.repeat(20));
  const whole = { src_path: of('/d'), dst_path: of('/e'), recursive: true };
  expect(await server.fault('copy', whole)).toBe('QUOTA_EXCEEDED');
  expect(await copy(of('/d/a'), of('/c'))).toMatchObject({ path: '/zone/copies/c' });
  expect(await server.fault('copy', { src_path: of('/d/b'), dst_path: of('/c2') })).toBe('QUOTA_EXCEEDED');
  await write(of('/d/b'), '');
  await copy(of('/d/b'), of('/c2'));
  const { error } = await server.rpc('copy', { src_path: of('/d/b'), dst_path: of('/c3') });
  expect(error?.data).toMatchObject({ code: 'QUOTA_EXCEEDED', quota: 'max_files', limit: 4, used: 4 });
  const { counted, real } = await usageOf(server, 'copies');
  expect(counted).toEqual({ files: 4, bytes: 80, tuples: 0 });
  expect(real).toEqual(counted);
});
