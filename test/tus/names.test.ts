/**
 * Whatever becomes of the requests of an upload, its file has the hash of its bytes, and the bytes of others stay theirs; and
 * nothing is read again for that where one process took all bytes.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { forEachEngine, startTestServer, type TestServer } from '../harness.ts';
import { base64, someBytes, type TusClient } from './client.ts';
import { chunk, halfPatch } from './half.ts';
import { tusOf } from './ours.ts';
import { eventually } from './row.ts';

const etagOf = (bytes: Buffer): string => `"${createHash('sha256').update(bytes).digest('hex')}"`;
const target = (path: string): Record<string, string> => ({ 'upload-metadata': `path ${base64(path)}` });

forEachEngine('uploads and the names of their bytes', (engine) => {
  let server: TestServer;
  let client: TusClient;
  beforeAll(async () => {
    server = await startTestServer({ engine });
    client = tusOf(server);
  });
  afterAll(() => server.stop());

  const contentOf = async (path: string, zone = 'root'): Promise<Buffer> => {
    const answer = await server.http(`/api/v2/files${path}`, { headers: { 'x-nexus-zone-id': zone } });
    return Buffer.from(await answer.arrayBuffer());
  };

  async function newKey(): Promise<{ key: string; key_id: string }> {
    const answer = await server.http('/api/v2/auth/keys', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'k', subject_id: 'mal', role: 'operator' }),
    });
    return (await answer.json()) as { key: string; key_id: string };
  }

  test('bytes whose save failed name nothing that others wrote in their place', async () => {
    const [victim, evil] = [someBytes(101_000), someBytes(100_000)];
    await server.ok('rebac_create', { subject: ['user', 'mal'], relation: 'direct_editor', object: ['file', '/mal'] });
    const [lost, kept] = [await newKey(), await newKey()];
    const own = tusOf(server, kept.key);
    const path = await own.begin(victim.length, target('/mal/x'));
    const url = server.url + path;
    const first = victim.subarray(0, 100_000);
    const half = await halfPatch(server, { url, size: victim.length - 1, first, key: lost.key });
    await server.http(`/api/v2/auth/keys/${lost.key_id}`, { method: 'DELETE' });
    await half.closed;
    expect(await own.offset(path)).toBe(0);
    await server.sql.write('root', (tx) => tx.run("UPDATE uploads SET lock_until = 0 WHERE path = '/mal/x'"));

    const again = await halfPatch(server, { url, first: evil, key: kept.key });
    await eventually(async () => expect(await own.offset(path)).toBe(100_000));
    again.socket.write(chunk(someBytes(50_000)));
    const [answer] = (await once(again.socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1.1 413 /);
    again.socket.destroy();
    const { status, headers } = await own.patch(path, { offset: 100_000, body: victim.subarray(100_000) });
    const whole = Buffer.concat([evil, victim.subarray(100_000)]);
    expect([status, headers.etag]).toEqual([204, etagOf(whole)]);
    expect((await contentOf('/mal/x')).equals(whole)).toBe(true);

    await server.addZone('victim');
    const zone = { 'x-nexus-zone-id': 'victim' };
    const put = await server.http('/api/v2/files/own', { method: 'PUT', headers: zone, body: victim });
    expect([put.status, put.headers.get('etag')]).toEqual([201, etagOf(victim)]);
    expect((await contentOf('/own', 'victim')).equals(victim)).toBe(true);
  });

  test('a body that broke its checksum, and one that goes on behind it', async () => {
    const bytes = someBytes(300_000);
    const path = await client.begin(bytes.length, target('/checked'));
    expect((await client.patch(path, { offset: 0, body: bytes.subarray(0, 100_000) })).status).toBe(204);
    const wrong = { 'upload-checksum': `sha1 ${base64('x'.repeat(20))}` };
    expect((await client.patch(path, { offset: 100_000, body: someBytes(200_000), headers: wrong })).status).toBe(460);
    const { status, headers } = await client.patch(path, { offset: 100_000, body: bytes.subarray(100_000) });
    expect([status, headers.etag]).toEqual([204, etagOf(bytes)]);
    expect((await contentOf('/checked')).equals(bytes)).toBe(true);
  });

  test('chunks that one process took one behind the other are not read again', async () => {
    const bytes = someBytes(400_000);
    const file = await open('/dev/null');
    const read = vi.spyOn(Object.getPrototypeOf(file) as typeof file, 'read');
    await file.close();
    try {
      const path = await client.begin(bytes.length, target('/chunks'));
      for (let offset = 0; offset < bytes.length; offset += 100_000) {
        const { status } = await client.patch(path, { offset, body: bytes.subarray(offset, offset + 100_000) });
        expect(status).toBe(204);
      }
      expect(read).not.toHaveBeenCalled();
    } finally {
      read.mockRestore();
    }
    expect((await contentOf('/chunks')).equals(bytes)).toBe(true);
  });
});
