/** The stage on disk: the port's suite, and that adopting copies nothing. */
import { mkdtemp, open, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { stageContract } from '../../ports/stage.contract.ts';
import { openDiskBlobs } from './disk-blobs.ts';

const temporaryFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'disk-stage-'));

stageContract('disk', async () => {
  const folder = await temporaryFolder();
  return { open: () => openDiskBlobs(join(folder, 'blobs')), remove: () => rm(folder, { recursive: true }) };
});

test('a blob that was adopted is the same file, in folders that only the owner may enter', async () => {
  const folder = await temporaryFolder();
  const blobs = await openDiskBlobs(folder);
  const writer = await blobs.stage.open('act', 's1', 0);
  await writer.write([Buffer.from('abc')]);
  await writer.close();
  const sha256 = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
  await blobs.stage.adopt('act', 's1', { size: 3, sha256 });
  const staged = await stat(join(folder, 'stage', 'act', 's1'));
  expect(staged.ino).toBe((await stat(join(folder, 'ba', '78', sha256))).ino);
  expect(staged.mode & 0o777).toBe(0o600);
  expect((await stat(join(folder, 'stage', 'act'))).mode & 0o777).toBe(0o700);
  await blobs.stage.remove('act');
  expect(await readdir(join(folder, 'stage'))).toEqual([]);
  await blobs.close();
  await rm(folder, { recursive: true });
});

test('a sync that failed fails for ever: the kernel tells it once', async () => {
  const folder = await temporaryFolder();
  const blobs = await openDiskBlobs(folder);
  const writer = await blobs.stage.open('act', 's1', 0);
  await writer.write([Buffer.from('abc')]);
  const some = await open(folder);
  const datasync = vi.spyOn(Object.getPrototypeOf(some) as typeof some, 'datasync');
  await some.close();
  try {
    datasync.mockRejectedValueOnce(new Error('EIO'));
    await expect(writer.sync()).rejects.toThrow('EIO');
    await expect(writer.sync()).rejects.toThrow('EIO');
  } finally {
    datasync.mockRestore();
  }
  await writer.close();
  await blobs.close();
  await rm(folder, { recursive: true });
});
