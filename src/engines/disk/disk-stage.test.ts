/** The stage on disk: the port's suite, and that adopting copies nothing. */
import { mkdtemp, open, readdir, readFile, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { stageContract } from '../../ports/stage.contract.ts';
import { openDiskBlobs } from './disk-blobs.ts';

/** Of abc. */
const SHA256 = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';

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
  await blobs.stage.adopt('act', 's1', { size: 3, sha256: SHA256 });
  const staged = await stat(join(folder, 'stage', 'act', 's1'));
  expect(staged.ino).toBe((await stat(join(folder, 'ba', '78', SHA256))).ino);
  expect(staged.mode & 0o777).toBe(0o600);
  expect((await stat(join(folder, 'stage', 'act'))).mode & 0o777).toBe(0o700);
  await blobs.stage.remove('act');
  expect(await readdir(join(folder, 'stage'))).toEqual([]);
  await blobs.close();
  await rm(folder, { recursive: true });
});

test('nodes that adopt the same blob at the same time all have it', async () => {
  const folder = await temporaryFolder();
  const nodes = await Promise.all(['first', 'beside', 'beside'].map((how) => openDiskBlobs(folder, how as 'first')));
  for (let round = 0; round < 20; round++) {
    const acts = nodes.map((_, n) => `act${round}-${n}`);
    for (const [n, act] of acts.entries()) {
      const writer = await nodes[n]!.stage.open(act, 's1', 0);
      await writer.write([Buffer.from('abc')]);
      await writer.close();
    }
    await nodes[0]!.delete(SHA256);
    await Promise.all(nodes.map(({ stage }, n) => stage.adopt(acts[n]!, 's1', { size: 3, sha256: SHA256 })));
    expect(await nodes[0]!.has(SHA256)).toBe(true);
  }
  for (const node of nodes) await node.close();
  await rm(folder, { recursive: true });
});

test('a blob that was cut short is replaced, and nothing else is left of that', async () => {
  const folder = await temporaryFolder();
  const blobs = await openDiskBlobs(folder);
  const adopt = async (act: string): Promise<void> => {
    const writer = await blobs.stage.open(act, 's1', 0);
    await writer.write([Buffer.from('abc')]);
    await writer.close();
    await blobs.stage.adopt(act, 's1', { size: 3, sha256: SHA256 });
  };
  await adopt('act');
  const place = join(folder, 'ba', '78');
  await truncate(join(place, SHA256), 1);
  await blobs.stage.remove('act');
  await adopt('other');
  expect(await readFile(join(place, SHA256), 'utf8')).toBe('abc');
  expect([await readdir(place), await readdir(join(folder, 'stage', 'other'))]).toEqual([[SHA256], ['s1']]);
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
