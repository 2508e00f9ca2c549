/** Sync with a bucket: a file that changed on both sides is one conflict, and each resolution gives its row byte for byte. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RESOLUTIONS, type Resolution } from '../src/features/sync/decide.ts';
import type { SyncResult } from '../src/features/sync/sync-shapes.ts';
import { ADMIN_KEY, startTestServer, type TestServer } from './harness.ts';
import { S3_USER, s3Request } from './servers/s3.ts';
import { freshBucket } from './servers/shared-s3.ts';

/** More than lies in a row, so that it is read through the stage. */
const LARGE = 200_000;

let server: TestServer;
let at: { endpoint: string; bucket: string };
beforeAll(async () => {
  at = await freshBucket();
  server = await startTestServer({
    environment: { NEXUS_OUTBOUND_ALLOW: '["127.0.0.1"]', NEXUS_WORKER_POLL_SECONDS: '0.1' },
  });
});
afterAll(() => server.stop());

async function sync(mount_point: string, action: 'push' | 'pull', body: object = {}): Promise<SyncResult> {
  const response = await server.http(`/api/v2/sync/mounts${mount_point}/${action}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return (await response.json()) as SyncResult;
}

/** A mount below a prefix of its own. */
async function mount(prefix: string): Promise<string> {
  const backend_config = {
    bucket: at.bucket,
    region: 'us-east-1',
    prefix,
    endpoint: at.endpoint,
    access_key_id: S3_USER.accessKeyId,
    secret_access_key: S3_USER.secretAccessKey,
  };
  const mount_point = `/cloud/${prefix}`;
  await server.ok('add_mount', { mount_point, backend_type: 's3', backend_config, write_mode: 'back' });
  return mount_point;
}

/** As another program. */
const theirs = (method: 'GET' | 'PUT' | 'DELETE', key: string, body?: string): Promise<Response> =>
  s3Request(at.endpoint, { method, path: `/${at.bucket}/${key}`, ...(body ? { body } : {}) });
const textOf = async (key: string): Promise<string | null> => {
  const response = await theirs('GET', key);
  return response.ok ? response.text() : null;
};

const large = (): string => randomBytes(LARGE / 2).toString('hex');

const KEPT: Readonly<Record<Resolution, 'ours' | 'theirs'>> = {
  keep_local: 'ours',
  keep_remote: 'theirs',
  keep_both: 'theirs',
};

test.each(RESOLUTIONS)('%s', async (resolution) => {
  const contents = { ours: large(), theirs: large() };
  const point = await mount(resolution);
  const key = `${resolution}/f.txt`;
  await server.ok('write', { path: `${point}/f.txt`, content: 'both' });
  expect(await sync(point, 'push')).toMatchObject({ changes_pushed: 1, changes_failed: 0 });
  expect(await textOf(key)).toBe('both');
  await server.ok('write', { path: `${point}/f.txt`, content: contents.ours });
  await theirs('PUT', key, contents.theirs);
  const found = await sync(point, 'push');
  expect(found).toMatchObject({ changes_pushed: 0, conflicts_detected: 1, errors: [] });
  expect(await textOf(key)).toBe(contents.theirs);
  const [conflict] = found.conflicts;
  for (const [side, content] of [
    ['local', contents.ours],
    ['remote', contents.theirs],
  ]) {
    const kept = await server.http(`/api/v2/sync/conflicts/${conflict!.id}/content?side=${side}`);
    expect((await kept.text()) === content).toBe(true);
  }
  expect(await sync(point, 'push', { resolution })).toMatchObject({ conflicts_resolved: 1, errors: [], conflicts: [] });
  const wanted = contents[KEPT[resolution]];
  expect((await textOf(key)) === wanted).toBe(true);
  expect((await server.ok('read', { path: `${point}/f.txt`, encoding: 'utf-8' })) === wanted).toBe(true);
  const stamp = `${conflict!.detected_at.slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
  const aside = await textOf(`${resolution}/${encodeURIComponent(`f (conflict ${stamp}).txt`)}`);
  expect(aside === (resolution === 'keep_both' ? contents.ours : null)).toBe(true);
  expect(await sync(point, 'push')).toMatchObject({ changes_pushed: 0, conflicts_detected: 0 });
});

test('what others put there, replaced and removed comes by a pull', async () => {
  const point = await mount('pulled');
  await theirs('PUT', 'pulled/d/new.txt', 'new');
  expect(await sync(point, 'pull')).toMatchObject({ changes_failed: 0, bytes_pulled: 3 });
  await theirs('PUT', 'pulled/d/new.txt', 'newer');
  expect(await sync(point, 'pull')).toMatchObject({ changes_pulled: 1, bytes_pulled: 5 });
  await theirs('DELETE', 'pulled/d/new.txt');
  expect((await sync(point, 'pull')).errors).toEqual([]);
  expect(await server.fault('read', { path: `${point}/d/new.txt` })).toBe('FILE_NOT_FOUND');
  expect(await sync(point, 'pull')).toMatchObject({ changes_pulled: 0 });
});
