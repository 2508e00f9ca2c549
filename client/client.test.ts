/** The typed client against a whole server: what it sends and gets, and what it throws. */
import { afterAll, beforeAll, expect, expectTypeOf, test } from 'vitest';
import { ADMIN_KEY, startTestServer, type TestServer } from '../test/harness.ts';
import {
  type Base64Content,
  type Client,
  ConflictError,
  createClient,
  InvalidError,
  NotFoundError,
  PermissionDeniedError,
  UnreachableError,
} from './index.ts';

let server: TestServer;
let client: Client;

beforeAll(async () => {
  server = await startTestServer();
  client = createClient({ url: `${server.url}/`, key: ADMIN_KEY });
});

afterAll(() => server.stop());

const failureOf = async (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    (answer) => expect.fail(`succeeded: ${JSON.stringify(answer)}`),
    (thrown: unknown) => thrown,
  );

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

test('a method takes and gives what its operation says', async () => {
  const written = await client.write({ path: '/typed/a.txt', content: 'one\n', if_none_match: true });
  expectTypeOf(written.version).toEqualTypeOf<number>();
  expect(written).toMatchObject({ path: '/typed/a.txt', version: 1, created: true });
  const edited = await client.edit({ path: '/typed/a.txt', edits: [{ old_str: 'one', new_str: 'two' }] });
  expectTypeOf(edited.success).toEqualTypeOf<boolean>();
  expect(edited).toMatchObject({ success: true, version: 2 });
  const { entries } = await client.list({ path: '/typed' });
  expect(entries.map(({ name }) => name)).toEqual(['a.txt']);
  expect(await client.whoami()).toMatchObject({ authenticated: true, role: 'admin' });
});

test('an answer holds the names that the server sent, whatever was read before', async () => {
  // What V8 guesses the second by: others can have it read first.
  for (const metadata of [
    { a: '0', '\\': '0' },
    { a: '0', '\n': '1' },
  ]) {
    await client.write({ path: '/typed/names', content: 'x', metadata });
    expect((await client.get_metadata({ path: '/typed/names' })).metadata).toEqual(metadata);
  }
});

test('wrong names and types are found by the compiler', () => {
  // @ts-expect-error no such method
  expect(typeof client.no_such_method).toBe('function');
  const wrong = [
    // @ts-expect-error a path is a text
    () => client.read({ path: 1 }),
    // @ts-expect-error content is required
    () => client.write({ path: '/a' }),
    // @ts-expect-error a path is required
    () => client.exists(),
  ];
  expect(wrong).toHaveLength(3);
});

test('content is answered in the type that the parameters ask for', async () => {
  const path = '/typed/content';
  const bytes = new Uint8Array([0, 255, 1]);
  await client.write({ path, content: bytes });
  const stored = await client.read({ path });
  expectTypeOf(stored).toEqualTypeOf<Uint8Array | Base64Content>();
  expect(stored).toMatchObject({ encoding: 'base64', content: 'AP8B' });
  const marker = await client.read({ path, encoding: 'bytes' });
  expectTypeOf(marker).toEqualTypeOf<Uint8Array>();
  expect([...marker]).toEqual([...bytes]);
  const whole = await client.get_version({ path, version: 1, return_metadata: true });
  expect([...whole.content]).toEqual([...bytes]);
  await client.write({ path, content: 'text' });
  const text = await client.read({ path, encoding: 'utf-8' });
  expectTypeOf(text).toEqualTypeOf<string>();
  expect(text).toBe('text');
  const many = await client.read_bulk({ paths: [path, '/typed/none'], encoding: 'utf-8' });
  expect(many).toEqual({ [path]: 'text', '/typed/none': null });
});

test('content goes up and comes down as a stream, with its conditions and metadata', async () => {
  const path = '/typed/ä b%.bin';
  const pieces = ['one ', 'two ', 'three'].map((text) => new TextEncoder().encode(text));
  const content = new ReadableStream<Uint8Array>({
    start: (control) => {
      for (const piece of pieces) control.enqueue(piece);
      control.close();
    },
  });
  const metadata = { note: 'ä%' };
  const { etag } = await client.upload(path, content, { contentType: 'text/x-test', metadata, ifAbsent: true });
  expect(await client.readText(path)).toBe('one two three');
  expect((await client.get_metadata({ path })).metadata).toEqual(metadata);
  const opened = await client.download(path, { range: { start: 4, end: 7 } });
  expect(opened).toMatchObject({ etag, version: 1, size: 3, contentType: expect.stringContaining('text/x-test') });
  expect(await new Response(opened.stream).text()).toBe('two');
  expect(await new Response((await client.download(path, { range: { start: 8 } })).stream).text()).toBe('three');
  await client.upload(path, 'more', { ifMatch: etag });
  expect(await client.readText(path, { version: 1 })).toBe('one two three');
  expect(await failureOf(client.upload(path, 'late', { ifMatch: etag }))).toBeInstanceOf(ConflictError);
  expect(await failureOf(client.upload(path, 'late', { ifAbsent: true }))).toBeInstanceOf(ConflictError);
  await client.upload('/typed/empty', '');
  expect(await client.readBytes('/typed/empty')).toHaveLength(0);
});

test('pages are followed to their end, of the tree as it was at the first', async () => {
  await client.write_batch({
    files: Array.from({ length: 7 }, (_, i) => ({ path: `/typed/pages/${i}`, content: 'x' })),
  });
  const seen: string[] = [];
  for await (const { path } of client.listAll({ path: '/typed/pages', limit: 3 })) {
    if (seen.length === 0) await client.write({ path: '/typed/pages/9', content: 'later' });
    seen.push(path);
  }
  expect(seen).toEqual(Array.from({ length: 7 }, (_, i) => `/typed/pages/${i}`));
});

test('what glob and grep find comes as a sequence too', async () => {
  const files = ['a', 'b', 'c'].map((name) => ({
    path: `/typed/found/${name}.md`,
    content: `# ${name}\nneedle ${name}\n`,
  }));
  await client.write_batch({ files });
  const paths = await collect(client.globAll({ pattern: '*.md', path: '/typed/found', limit: 2 }));
  expect(paths).toEqual(files.map(({ path }) => path));
  const matches = await collect(client.grepAll({ pattern: 'needle [bc]', path: '/typed/found', limit: 1 }));
  expect(matches.map(({ path, line, match }) => [path, line, match])).toEqual([
    ['/typed/found/b.md', 2, 'needle b'],
    ['/typed/found/c.md', 2, 'needle c'],
  ]);
});

test('failures are told apart', async () => {
  const missing = await failureOf(client.read({ path: '/typed/none' }));
  expect(missing).toBeInstanceOf(NotFoundError);
  expect(missing).toMatchObject({ code: 'FILE_NOT_FOUND', status: 404, requestId: expect.stringMatching(/./) });
  expect((missing as NotFoundError).data).toEqual({ path: '/typed/none' });
  expect(await failureOf(client.read({ path: '/a/../b' }))).toBeInstanceOf(InvalidError);
  // A URL would resolve it before anybody could refuse it.
  expect(await failureOf(client.upload('/typed/../a', 'x'))).toMatchObject({ code: 'INVALID_PATH', status: 400 });
  expect(await failureOf(client.readText('/typed/..'))).toMatchObject({ code: 'INVALID_PATH' });
  const stale = await failureOf(client.write({ path: '/typed/a.txt', content: '', if_match: 'another' }));
  expect(stale).toBeInstanceOf(ConflictError);
  expect(stale).toMatchObject({ code: 'ETAG_MISMATCH', status: 412 });
  const stranger = createClient({ url: server.url, key: 'no-key-of-this-server' });
  expect(await failureOf(stranger.whoami())).toBeInstanceOf(PermissionDeniedError);
  expect(await failureOf(stranger.readText('/typed/a.txt'))).toBeInstanceOf(PermissionDeniedError);
  const nowhere = createClient({ url: 'http://127.0.0.1:1', key: ADMIN_KEY });
  expect(await failureOf(nowhere.whoami())).toBeInstanceOf(UnreachableError);
});

test('a zone that is named is worked in, and requests go through a given fetch', async () => {
  await server.addZone('typed-zone');
  const asked: string[] = [];
  const spy: typeof fetch = (input, init) => {
    asked.push(String(input));
    return fetch(input, init);
  };
  const there = createClient({ url: server.url, key: ADMIN_KEY, zone: 'typed-zone', fetch: spy });
  await there.write({ path: '/only-there', content: 'x' });
  expect(await there.exists({ path: '/only-there' })).toEqual({ exists: true });
  expect(await client.exists({ path: '/only-there' })).toEqual({ exists: false });
  expect(asked).toEqual(['write', 'exists'].map((method) => `${server.url}/api/nfs/${method}`));
});

test('a client may be awaited', async () => {
  const awaited = await Promise.resolve(client);
  expect(awaited).toBe(client);
});
