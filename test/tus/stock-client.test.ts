/** A stock client of the protocol, as it is published: whole files, chunks, parallel parts, a pause, an end. */
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { Upload, type UploadOptions } from 'tus-js-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADMIN_KEY, startTestServer, type TestServer } from '../harness.ts';

let server: TestServer;
let n = 0;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

const common = (path: string): UploadOptions => ({
  endpoint: `${server.url}/api/v2/uploads`,
  headers: { authorization: `Bearer ${ADMIN_KEY}` },
  metadata: { path, filetype: 'text/x-stock', note: 'from a stock client' },
  retryDelays: [0, 100],
});

const upload = (bytes: Buffer, options: UploadOptions): Promise<Upload> =>
  new Promise((resolve, reject) => {
    const one = new Upload(bytes, { ...options, onSuccess: () => resolve(one), onError: reject });
    one.start();
  });

const content = async (path: string): Promise<Buffer> => {
  const answer = await server.http(`/api/v2/files${path}`);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toBe('text/x-stock');
  return Buffer.from(await answer.arrayBuffer());
};

test.each<[string, number, UploadOptions]>([
  ['a whole file', 3_000_000, {}],
  ['nothing', 0, {}],
  ['chunks', 1_000_000, { chunkSize: 150_000 }],
  ['bytes with the creation', 200_000, { uploadDataDuringCreation: true }],
  ['four parts at once', 2_000_000, { parallelUploads: 4 }],
  ['four parts in chunks', 2_000_000, { parallelUploads: 4, chunkSize: 100_000 }],
  ['PATCH behind POST', 300_000, { overridePatchMethod: true }],
])('%s', async (_name, size, options) => {
  const path = `/stock/${n++}`;
  const bytes = randomBytes(size);
  await upload(bytes, { ...common(path), ...options });
  expect((await content(path)).equals(bytes)).toBe(true);
});

test('a stream whose length is not known', async () => {
  const path = `/stock/${n++}`;
  const bytes = randomBytes(500_000);
  await new Promise<void>((resolve, reject) => {
    const options = { ...common(path), uploadLengthDeferred: true, chunkSize: 120_000 };
    new Upload(Readable.from([bytes]), { ...options, onSuccess: () => resolve(), onError: reject }).start();
  });
  expect((await content(path)).equals(bytes)).toBe(true);
});

test('one that is stopped goes on where it was, and one that is ended is gone', async () => {
  const path = `/stock/${n++}`;
  const bytes = randomBytes(900_000);
  const url = await new Promise<string>((resolve, reject) => {
    const first: Upload = new Upload(bytes, {
      ...common(path),
      chunkSize: 300_000,
      onChunkComplete: () => first.abort().then(() => resolve(first.url ?? ''), reject),
      onError: reject,
    });
    first.start();
  });
  const sent: number[] = [];
  await upload(bytes, { ...common(path), uploadUrl: url, onProgress: (at) => sent.push(at) });
  expect(Math.min(...sent)).toBeGreaterThanOrEqual(300_000);
  expect((await content(path)).equals(bytes)).toBe(true);
  await Upload.terminate(url, common(path));
  await expect(upload(bytes, { ...common(path), uploadUrl: url, endpoint: null, retryDelays: [] })).rejects.toThrow(
    '410',
  );
});
