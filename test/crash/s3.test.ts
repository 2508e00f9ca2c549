/**
 * Blobs in S3, and whoever is killed: the server at any byte, and the store under writers. What was acknowledged is there,
 * whole; what was not is there as a whole or not at all.
 */
import { createHash, randomBytes, randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../harness.ts';
import { createBucket, startS3 } from '../servers/s3.ts';
import { freshBucket, settingsFor } from '../servers/shared-s3.ts';
import { ADMIN_KEY, buildProgram, type Program, startChild } from './program.ts';
import { uploadCampaign } from './uploads.ts';

interface Written {
  readonly path: string;
  readonly sha256: string;
  acknowledged: boolean;
}

interface Writing {
  readonly url: string;
  /** Begins every path. */
  readonly folder: string;
  readonly sizes: readonly number[];
  readonly files: Written[];
  /** Calls that were answered with 503 and a time to come again. */
  refused: number;
  over: boolean;
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const headers = { authorization: `Bearer ${ADMIN_KEY}` };

/** Writes file after file until it is told to end, or nobody answers. */
async function write(writing: Writing, n: number): Promise<void> {
  for (let i = 0; !writing.over; i++) {
    const body = randomBytes(writing.sizes[(i + n) % writing.sizes.length] ?? 0);
    const file = { path: `/${writing.folder}/${n}/${i}`, sha256: sha256(body), acknowledged: false };
    writing.files.push(file);
    const answer = await fetch(`${writing.url}/api/v2/files${file.path}`, { method: 'PUT', body, headers }).catch(
      () => undefined,
    );
    if (!answer) return;
    await answer.arrayBuffer().catch(() => undefined);
    file.acknowledged = answer.status === 201;
    if (file.acknowledged) continue;
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5']);
    writing.refused++;
  }
}

async function check(url: string, files: readonly Written[]): Promise<void> {
  for (const { path, sha256: wanted, acknowledged } of files) {
    const answer = await fetch(`${url}/api/v2/files${path}`, { headers });
    const bytes = Buffer.from(await answer.arrayBuffer());
    if (answer.status === 404 && !acknowledged) continue;
    expect([path, answer.status, sha256(bytes)]).toEqual([path, 200, wanted]);
  }
}

test('a server that is killed while it writes large files', { timeout: 120_000 }, async () => {
  const settings = settingsFor(await freshBucket());
  const program: Program = { ...buildProgram(), settings: () => settings };
  const directory = mkdtempSync(join(tmpdir(), 'nexus-s3-kill-'));
  try {
    const files: Written[] = [];
    for (const round of [1, 2]) {
      const server = await startChild(program, { directory });
      await check(server.url, files);
      const sizes = [17_000_000, 100_000, 300_000];
      const writing: Writing = { url: server.url, folder: `r${round}`, sizes, files: [], refused: 0, over: false };
      const writers = Promise.all([0, 1, 2].map((n) => write(writing, n)));
      await expect.poll(() => writing.files.some(({ acknowledged }) => acknowledged), { timeout: 30_000 }).toBe(true);
      await sleep(randomInt(0, 700));
      await server.kill();
      await writers;
      expect(writing.refused).toBe(0);
      files.push(...writing.files);
    }
    const server = await startChild(program, { directory });
    await check(server.url, files);
    await server.kill();
  } finally {
    program.remove();
    rmSync(directory, { recursive: true });
  }
});

test('a server that is killed at any byte of uploads', { timeout: 120_000 }, async () => {
  const settings = settingsFor(await freshBucket());
  const { kills } = await uploadCampaign({
    uploads: 2,
    atOnce: 2,
    most: 400_000,
    seed: 1,
    settings: () => settings,
    life: 3_000,
  });
  expect(kills).toBeGreaterThan(0);
});

test('a store that is killed under writers, and comes again', { timeout: 120_000 }, async () => {
  const s3 = await startS3();
  let server: TestServer | undefined;
  try {
    const bucket = await createBucket(s3.endpoint);
    const environment = { ...settingsFor({ endpoint: s3.endpoint, bucket }), NEXUS_BOOTSTRAP_ADMIN_KEY: ADMIN_KEY };
    server = await startTestServer({ environment });
    const writing: Writing = { url: server.url, folder: 'w', sizes: [150_000], files: [], refused: 0, over: false };
    const writers = Promise.all([0, 1, 2, 3].map((n) => write(writing, n)));
    const someMore = async (): Promise<void> => {
      const done = (): number => writing.files.filter(({ acknowledged }) => acknowledged).length;
      const before = done();
      await expect.poll(done, { timeout: 30_000 }).toBeGreaterThan(before + 3);
    };
    await someMore();
    await s3.kill();
    await expect.poll(() => writing.refused, { timeout: 30_000 }).toBeGreaterThan(0);
    await s3.resume();
    await someMore();
    writing.over = true;
    await writers;
    await check(server.url, writing.files);
  } finally {
    await server?.stop();
    await s3.stop();
  }
});
