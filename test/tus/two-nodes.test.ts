/** Two servers on one PostgreSQL and one folder of blobs: any of them serves any upload, and one of them writes. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../harness.ts';
import { freshDatabase } from '../servers/shared-postgres.ts';
import { base64, someBytes, type TusClient } from './client.ts';
import { halfPatch } from './half.ts';
import { tusOf } from './ours.ts';
import { eventually } from './row.ts';

let database: Awaited<ReturnType<typeof freshDatabase>>;
let blobs: string;
let nodes: TestServer[];
let first: TusClient;
let second: TusClient;

beforeAll(async () => {
  database = await freshDatabase();
  blobs = mkdtempSync(join(tmpdir(), 'nexus-blobs-'));
  const environment = { NEXUS_DATABASE_URL: database.url, NEXUS_BLOBS_URL: pathToFileURL(blobs).href };
  nodes = await Promise.all([startTestServer({ environment }), startTestServer({ environment })]);
  [first, second] = nodes.map((one) => tusOf(one)) as [TusClient, TusClient];
});
afterAll(async () => {
  await Promise.all(nodes.map((node) => node.stop()));
  await database.drop();
  rmSync(blobs, { recursive: true });
});

const content = async (path: string): Promise<Buffer> => {
  const answer = await (nodes[1] as TestServer).http(`/api/v2/files${path}`);
  return Buffer.from(await answer.arrayBuffer());
};

test('chunks that go to one and the other in turn are one content', async () => {
  const bytes = someBytes(1_000_000);
  const url = await first.begin(bytes.length, { 'upload-metadata': `path ${base64('/turns')}` });
  for (let at = 0, n = 0; at < bytes.length; at += 250_000, n++) {
    const client = n % 2 ? second : first;
    expect(await client.offset(url)).toBe(at);
    expect((await client.patch(url, { offset: at, body: bytes.subarray(at, at + 250_000) })).status).toBe(204);
  }
  expect((await content('/turns')).equals(bytes)).toBe(true);
});

test('a PATCH at the other asks the first to stop, and goes on behind its bytes', async () => {
  const bytes = someBytes(1_000_000);
  const url = await first.begin(bytes.length, { 'upload-metadata': `path ${base64('/taken')}` });
  const node = nodes[0] as TestServer;
  const half = await halfPatch(node, { url: node.url + url, size: bytes.length, first: bytes.subarray(0, 300_000) });
  expect((await second.patch(url, { offset: 0, body: bytes })).status).toBe(409);
  await half.closed;
  const offset = await second.offset(url);
  expect(offset).toBeGreaterThan(0);
  expect((await second.patch(url, { offset, body: bytes.subarray(offset) })).status).toBe(204);
  expect((await content('/taken')).equals(bytes)).toBe(true);
});

test('whoever lost the lock to the other node counts for nothing, whatever it still writes', async () => {
  const bytes = someBytes(800_000);
  const url = await first.begin(bytes.length, { 'upload-metadata': `path ${base64('/lost')}` });
  const node = nodes[0] as TestServer;
  const half = await halfPatch(node, { url: node.url + url, size: bytes.length, first: bytes.subarray(0, 300_000) });
  // Nobody is asked: the other takes the lock, from wherever the first has told by then that it is.
  await eventually(async () => {
    await node.sql.write('root', (tx) => tx.run("UPDATE uploads SET lock_until = 0 WHERE path = '/lost'"));
    const offset = await second.offset(url);
    expect((await second.patch(url, { offset, body: bytes.subarray(offset, 600_000) })).status).toBe(204);
  });
  half.socket.end(someBytes(500_000));
  await half.closed;
  expect(await second.offset(url)).toBe(600_000);
  expect((await first.patch(url, { offset: 600_000, body: bytes.subarray(600_000) })).status).toBe(204);
  expect((await content('/lost')).equals(bytes)).toBe(true);
});

test('what a node remembers of bytes that did not come to count names nobody else’s', async () => {
  const [bytes, other] = [someBytes(200_000), someBytes(100_000)];
  const url = await first.begin(bytes.length, { 'upload-metadata': `path ${base64('/named')}` });
  const node = nodes[0] as TestServer;
  const half = await halfPatch(node, { url: node.url + url, size: 199_999, first: bytes.subarray(0, 100_000) });
  // Before it told anything.
  await node.sql.write('root', (tx) =>
    tx.run("UPDATE uploads SET token = token + 1, lock_until = 0 WHERE path = '/named'"),
  );
  await half.closed;
  expect(await second.offset(url)).toBe(0);
  expect((await second.patch(url, { offset: 0, body: other })).status).toBe(204);
  const { status, headers } = await first.patch(url, { offset: 100_000, body: bytes.subarray(100_000) });
  const whole = Buffer.concat([other, bytes.subarray(100_000)]);
  expect([status, headers.etag]).toEqual([204, `"${createHash('sha256').update(whole).digest('hex')}"`]);
  expect((await content('/named')).equals(whole)).toBe(true);
});

test('what was left open when its lock ran out becomes no blob, also where others came to nothing since', async () => {
  const bytes = someBytes(400_000);
  const url = await first.begin(bytes.length, { 'upload-metadata': `path ${base64('/open')}` });
  expect((await first.patch(url, { offset: 0, body: bytes.subarray(0, 100_000) })).status).toBe(204);
  const folder = join(blobs, 'stage', url.split('/').at(-1) ?? '');
  const file = await open(join(folder, (await readdir(folder))[0] ?? ''), 'r+');
  try {
    // As of a writer that stands still, in the middle of it.
    await nodes[0]?.sql.write('root', (tx) => tx.run("UPDATE uploads SET lock_until = 0 WHERE path = '/open'"));
    const wrong = { 'upload-checksum': `sha1 ${base64('x'.repeat(20))}` };
    expect((await second.patch(url, { offset: 100_000, body: someBytes(100_000), headers: wrong })).status).toBe(460);
    expect((await second.patch(url, { offset: 100_000, body: bytes.subarray(100_000) })).status).toBe(204);
    await file.write(someBytes(1_000), 0, 1_000, 100_000);
  } finally {
    await file.close();
  }
  expect((await content('/open')).equals(bytes)).toBe(true);
});
