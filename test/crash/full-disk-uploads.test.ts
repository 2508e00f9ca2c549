/**
 * Uploads onto a disk that is really full: a small file system of its own, with the blobs alone or with everything. Mounting
 * one takes root, which CI has.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { startTestServer } from '../harness.ts';
import { base64, someBytes, type TusClient } from '../tus/client.ts';
import { tusOf } from '../tus/ours.ts';
import { eventually } from '../tus/row.ts';

const MiB = 1024 * 1024;
const isRoot = process.getuid?.() === 0;
const codeOf = (body: string): unknown => {
  const { code, data } = (JSON.parse(body) as { error: { code: string; data: { reason: string } } }).error;
  return [code, data.reason];
};

test.skipIf(!isRoot).each([
  ['the blobs', 8, (disk: string, home: string) => ({ directory: join(home, 'data'), blobs: join(disk, 'blobs') })],
  ['everything', 24, (disk: string) => ({ directory: join(disk, 'data'), blobs: join(disk, 'data', 'blobs') })],
])(
  'a disk of %s that is full: 503, the offset is true, and with room it goes on to the exact file',
  async (_what, size, place) => {
    const home = mkdtempSync(join(tmpdir(), 'nexus-full-uploads-'));
    const disk = join(home, 'disk');
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}m,mode=700`, 'tmpfs', disk]);
    const { directory, blobs } = place(disk, home);
    const start = () =>
      startTestServer({ directory, engine: 'sqlite', environment: { NEXUS_BLOBS_URL: pathToFileURL(blobs).href } });
    let server = await start();
    try {
      const clientOf = (): TusClient => tusOf(server);
      const bytes = someBytes(2 * size * MiB);
      const url = await clientOf().begin(bytes.length, { 'upload-metadata': `path ${base64('/large')}` });
      let offset = 0;
      let last = { status: 204, body: '' };
      for (; last.status === 204; offset = await clientOf().offset(url)) {
        last = await clientOf().patch(url, { offset, body: bytes.subarray(offset, offset + 3 * MiB) });
      }
      expect([last.status, codeOf(last.body)]).toEqual([503, ['UNAVAILABLE', 'disk_full']]);
      expect(offset).toBeGreaterThan(0);
      expect(offset).toBeLessThan(bytes.length);
      // Nothing of what is full is taken for a byte that is there: neither now nor by the next server.
      await server.stop();
      server = await start();
      expect(await clientOf().offset(url)).toBe(offset);
      expect((await clientOf().patch(url, { offset, body: bytes.subarray(offset, offset + 3 * MiB) })).status).toBe(
        503,
      );

      execFileSync('mount', ['-o', `remount,size=${size * 4}m`, disk]);
      await eventually(async () => {
        const at = await clientOf().offset(url);
        expect(at).toBeGreaterThanOrEqual(offset);
        expect((await clientOf().patch(url, { offset: at, body: bytes.subarray(at) })).status).toBe(204);
      });
      const content = await (await server.http('/api/v2/files/large')).arrayBuffer();
      expect(Buffer.from(content).equals(bytes)).toBe(true);
    } finally {
      await server.stop();
      execFileSync('umount', [disk]);
      rmSync(home, { recursive: true });
    }
  },
  60_000,
);
