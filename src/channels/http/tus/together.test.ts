/** Uploads that come at the same time: what their commits do for all of them together is the same as one after the other. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { forEachEngine, startTestServer, type TestServer } from '../../../../test/harness.ts';
import { base64, someBytes, type TusClient } from '../../../../test/tus/client.ts';
import { tusOf } from '../../../../test/tus/ours.ts';

const OPEN_MOST = 20;
const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

forEachEngine('uploads together', (engine) => {
  let server: TestServer;
  let client: TusClient;
  beforeAll(async () => {
    server = await startTestServer({ engine, environment: { NEXUS_LIMIT_UPLOADS_PER_CALLER: String(OPEN_MOST) } });
    client = tusOf(server);
  });
  afterAll(() => server.stop());

  const metadata = (path: string): Record<string, string> => ({ 'upload-metadata': `path ${base64(path)}` });
  const create = (path: string, length = 100): ReturnType<TusClient['create']> =>
    client.create({ 'upload-length': String(length), ...metadata(path) });
  const statuses = (answers: readonly { readonly status: number }[]): number[] =>
    answers.map(({ status }) => status).sort();

  test('so many may be open as the limit says, however many are begun and finished at once', async () => {
    const begun = await Promise.all(numbers(2 * OPEN_MOST).map((n) => create(`/together/a${n}`)));
    expect(statuses(begun)).toEqual([...Array(OPEN_MOST).fill(201), ...Array(OPEN_MOST).fill(429)]);
    const urls = begun.flatMap(({ headers }) => headers.location ?? []);
    const bytes = someBytes(100);
    const mixed = await Promise.all([
      ...urls.map((url) => client.patch(url, { offset: 0, body: bytes })),
      ...numbers(OPEN_MOST).map((n) => create(`/together/b${n}`)),
    ]);
    expect(statuses(mixed.slice(0, OPEN_MOST))).toEqual(Array(OPEN_MOST).fill(204));
    const more = mixed.slice(OPEN_MOST).filter(({ status }) => status === 201).length;
    const rest = await Promise.all(numbers(OPEN_MOST).map((n) => create(`/together/c${n}`)));
    expect(statuses(rest)).toEqual([...Array(OPEN_MOST - more).fill(201), ...Array(more).fill(429)]);
    const listed = await server.ok('list', { path: '/together' });
    expect(listed.files).toHaveLength(OPEN_MOST);
    const open = [...mixed.slice(OPEN_MOST), ...rest].flatMap(({ headers }) => headers.location ?? []);
    expect(open).toHaveLength(OPEN_MOST);
    await Promise.all(open.map((url) => client.send({ method: 'DELETE', url })));
  });

  test('one that was refused to become a file is tried again by several at once, and becomes it once', async () => {
    const [created] = await Promise.all([create('/together/again')]);
    const url = created?.headers.location ?? '';
    await server.ok('mkdir', { path: '/together/again' });
    const refused = await Promise.all(numbers(3).map(() => client.patch(url, { offset: 0, body: someBytes(100) })));
    expect(statuses(refused)).toEqual([409, 409, 409]);
    const again = await Promise.all(numbers(3).map(() => client.patch(url, { offset: 100, body: Buffer.of() })));
    expect(statuses(again)).toEqual([409, 409, 409]);
    await server.ok('rmdir', { path: '/together/again' });
    const made = await Promise.all(numbers(3).map(() => client.patch(url, { offset: 100, body: Buffer.of() })));
    expect(statuses(made)).toEqual([204, 204, 204]);
    expect(await client.offset(url)).toBe(100);
    expect(await server.ok('get_metadata', { path: '/together/again' })).toMatchObject({ version: 1, size: 100 });
  });
});
