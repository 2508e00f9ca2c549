/** Around uploads: browsers of other origins, bodies that nobody wants, a server that stops while it receives. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../../../test/harness.ts';
import { BYTES, base64, someBytes, type TusClient } from '../../../../test/tus/client.ts';
import { halfPatch } from '../../../../test/tus/half.ts';
import { tusOf } from '../../../../test/tus/ours.ts';

const clientOf = (server: TestServer): TusClient => tusOf(server);

test('a stop keeps what has come of a body, ends its connection, and the next server goes on', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'nexus-stop-'));
  const bytes = someBytes(1_000_000);
  const before = await startTestServer({ directory, engine: 'sqlite' });
  const url = await clientOf(before).begin(bytes.length, { 'upload-metadata': `path ${base64('/kept')}` });
  const first = bytes.subarray(0, 400_000);
  const half = await halfPatch(before, { url: before.url + url, size: bytes.length, first });
  await Promise.all([before.stop(), half.closed]);
  const after = await startTestServer({ directory, engine: 'sqlite' });
  const client = clientOf(after);
  const offset = await client.offset(url);
  expect(offset).toBeGreaterThan(0);
  expect((await client.patch(url, { offset, body: bytes.subarray(offset) })).status).toBe(204);
  const content = await (await after.http('/api/v2/files/kept')).arrayBuffer();
  expect(Buffer.from(content).equals(bytes)).toBe(true);
  await after.stop();
  rmSync(directory, { recursive: true });
});

test('a browser may send what the protocol needs, and a body that breaks off unwanted hurts nobody', async () => {
  const server = await startTestServer({ environment: { NEXUS_CORS_ORIGINS: '["https://app.example"]' } });
  const client = clientOf(server);
  const asked = await client.options({
    origin: 'https://app.example',
    'access-control-request-method': 'PATCH',
    'access-control-request-headers': 'tus-resumable,upload-offset',
  });
  expect(asked.headers['access-control-allow-methods']).toContain('PATCH');
  for (const name of ['Tus-Resumable', 'Upload-Offset', 'Upload-Length', 'Upload-Metadata', 'Upload-Concat']) {
    expect(asked.headers['access-control-allow-headers']).toContain(name);
  }
  const url = `${client.url}/00000000-0000-4000-8000-000000000000`;
  const headers = { 'upload-offset': '0', 'content-type': BYTES, 'content-length': '900000' };
  for (const breakAt of [10, 100_000, 300_000]) {
    await client.send({ method: 'PATCH', url, headers, body: someBytes(900_000), breakAt });
  }
  expect((await client.options()).status).toBe(204);
  await server.stop();
});

test('the method that is named stands in the place of any that is sent', async () => {
  const server = await startTestServer();
  const client = clientOf(server);
  const url = await client.begin(3, { 'upload-metadata': `path ${base64('/named')}` });
  const as = (named: string, method: string, headers: Record<string, string> = {}, body?: Buffer) =>
    client.send({ method, url, headers: { 'x-http-method-override': named, ...headers }, body });
  for (const method of ['GET', 'PUT', 'POST', 'OPTIONS', 'PATCH']) {
    const { status, headers } = await as('HEAD', method);
    expect([method, status, headers['upload-offset']]).toEqual([method, 200, '0']);
  }
  const shown = await as('get', 'POST');
  expect([shown.status, JSON.parse(shown.body)]).toMatchObject([200, { path: '/named', upload_length: 3 }]);
  const patched = await as('PATCH', 'PUT', { 'upload-offset': '0', 'content-type': BYTES }, Buffer.from('abc'));
  expect([patched.status, patched.headers['x-nexus-version']]).toEqual([204, '1']);
  expect((await as('OPTIONS', 'DELETE')).headers['tus-version']).toBe('1.0.0');
  for (const [named, method] of [
    ['POST', 'PATCH'],
    ['FOO', 'PATCH'],
    ['FOO', 'POST'],
  ] as const) {
    const refused = await as(named, method, { 'upload-offset': '3', 'content-type': BYTES });
    expect([refused.status, refused.headers.allow]).toEqual([405, 'DELETE, GET, HEAD, OPTIONS, PATCH']);
  }
  expect((await as('DELETE', 'GET')).status).toBe(204);
  expect((await as('HEAD', 'POST')).status).toBe(410);
  const elsewhere = await client.send({
    method: 'GET',
    url: '/api/v2/files/named',
    headers: { 'x-http-method-override': 'DELETE' },
  });
  expect([elsewhere.status, elsewhere.body]).toEqual([200, 'abc']);
  await server.stop();
});
