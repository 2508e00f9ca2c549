/** A destination of backups that is not as it was is told by its name, and is no defect of the server. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ADMIN_KEY, startTestServer } from '../../../test/harness.ts';
import { sparePort } from '../../../test/servers/spare-port.ts';
import { loadConfig } from '../../config.ts';
import { blobsFault } from '../../ports/blobs.ts';
import { openDepot } from './depots.ts';
import { openReachable } from './desk.ts';
import { naming } from './destination.ts';
import { listAt } from './offline.ts';

test('a directory that is none any more', async () => {
  const server = await startTestServer({ engine: 'sqlite' });
  try {
    const call = async (method: string, path: string) => {
      const response = await fetch(`${server.url}/api/v2/backups${path}`, {
        method,
        headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
        ...(method === 'POST' ? { body: JSON.stringify(path.endsWith('restore') ? { confirm: true } : {}) } : {}),
      });
      return { status: response.status, body: (await response.json()) as { error: Record<string, unknown> } };
    };
    const destination = join(server.config.DATA_DIR, 'backups');
    rmSync(destination, { recursive: true, force: true });
    writeFileSync(destination, 'no directory');
    const told = {
      code: 'UPSTREAM_FAILED',
      message: expect.stringContaining(`The destination ${destination} cannot be reached: ENOTDIR`),
    };
    const asked = [
      ['GET', ''],
      ['GET', '/latest'],
      ['POST', '/latest/verify'],
      ['POST', '/latest/restore'],
    ] as const;
    for (const [method, path] of asked) {
      expect(await call(method, path), `${method} ${path}`).toMatchObject({ status: 502, body: { error: told } });
    }
    await expect(listAt(server.config, destination)).rejects.toMatchObject(told);
  } finally {
    await server.stop();
  }
});

test('a bucket that does not answer', async () => {
  const destination = `s3://bucket/prefix?region=eu&endpoint=http://127.0.0.1:${await sparePort()}`;
  const { config } = loadConfig({ environment: { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' } });
  await expect(
    openReachable(config, destination, 'look').then((depot) => depot.documents.list()),
  ).rejects.toMatchObject({
    code: 'UPSTREAM_FAILED',
    message: `The destination ${destination} is out of reach`,
  });
});

test('what the source of a content did is not said of the destination', async () => {
  const { config } = loadConfig({ environment: {} });
  const folder = mkdtempSync(join(tmpdir(), 'nexus-destination-'));
  const depot = naming(folder, await openDepot(config, folder, 'keep'));
  try {
    const away = blobsFault('blobs', new Error('away'));
    const read = async function* (): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(1);
      throw away;
    };
    const put = depot.blobs.put({ size: 2, sha256: 'a'.repeat(64), read });
    await expect(put).rejects.toBe(away);
    const missing = depot.blobs.read('b'.repeat(64), 0, 1)[Symbol.asyncIterator]();
    await expect(missing.next()).rejects.toMatchObject({ code: 'BLOB_MISSING' });
  } finally {
    await depot.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
