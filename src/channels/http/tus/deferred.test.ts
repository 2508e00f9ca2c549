/** The length of an upload that is told later: with bytes that count, and not with others. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { forEachEngine, startTestServer, type TestServer } from '../../../../test/harness.ts';
import { someBytes, type TusAnswer, type TusClient } from '../../../../test/tus/client.ts';
import { tusOf } from '../../../../test/tus/ours.ts';

forEachEngine('a length that is told later', (engine) => {
  let server: TestServer;
  let client: TusClient;
  beforeAll(async () => {
    server = await startTestServer({ engine });
    client = tusOf(server);
  });
  afterAll(() => server.stop());

  const told = async (url: string) => {
    const { headers } = await client.head(url);
    return [headers['upload-offset'], headers['upload-length'], headers['upload-defer-length']];
  };

  test.each([5, 200_000])('is not that of a body of %i bytes with a wrong checksum', async (size) => {
    const url = (await client.create({ 'upload-defer-length': '1' })).headers.location ?? '';
    const body = someBytes(size);
    const send = (checksum: string, length: number): Promise<TusAnswer> =>
      client.patch(url, {
        offset: 0,
        body,
        headers: { 'upload-checksum': `sha1 ${checksum}`, 'upload-length': String(length) },
      });
    expect((await send(`${'A'.repeat(27)}=`, size + 7)).status).toBe(460);
    expect(await told(url)).toEqual(['0', undefined, '1']);
    expect((await send(createHash('sha1').update(body).digest('base64'), size + 3)).status).toBe(204);
    expect(await told(url)).toEqual([String(size), String(size + 3), undefined]);
    expect((await client.patch(url, { offset: size, body: someBytes(3) })).headers['x-nexus-version']).toBe('1');
  });

  test.each([5, 200_000])('ends an upload of %i bytes that are all there, with no byte more', async (size) => {
    const url = (await client.create({ 'upload-defer-length': '1' })).headers.location ?? '';
    await client.patch(url, { offset: 0, body: someBytes(size) });
    expect(await told(url)).toEqual([String(size), undefined, '1']);
    const headers = { 'upload-length': String(size) };
    const last = await client.patch(url, { offset: size, body: Buffer.alloc(0), headers });
    expect([last.status, last.headers['x-nexus-version']]).toEqual([204, '1']);
    expect(await told(url)).toEqual([String(size), String(size), undefined]);
  });
});
