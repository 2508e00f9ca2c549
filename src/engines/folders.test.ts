/** Directories that are made with those above them. */
import { mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openDiskBlobs } from './disk/disk-blobs.ts';
import { makeFolders } from './folders.ts';
import { claimDirectory } from './sqlite/data-directory.ts';

const home = mkdtempSync(join(tmpdir(), 'nexus-folders-'));
afterAll(() => rmSync(home, { recursive: true }));

test('all that is missing is made, for its owner only, and the topmost of it is told', () => {
  expect(makeFolders(join(home, 'a/b/c'))).toBe(join(home, 'a'));
  for (const made of ['a', 'a/b', 'a/b/c']) expect(statSync(join(home, made)).mode & 0o777).toBe(0o700);
  expect(makeFolders(join(home, 'a/b/c'))).toBeUndefined();
  expect(makeFolders(join(home, 'a/b/d'))).toBe(join(home, 'a/b/d'));
});

test('where a file is in the way, or a link that leads nowhere, it says so', () => {
  writeFileSync(join(home, 'file'), '');
  symlinkSync('nowhere', join(home, 'link'));
  expect(() => makeFolders(join(home, 'file'))).toThrow('EEXIST');
  expect(() => makeFolders(join(home, 'file/below'))).toThrow('ENOTDIR');
  expect(() => makeFolders(join(home, 'link'))).toThrow('EEXIST');
});

test.runIf(process.platform === 'linux')('below a directory that takes none it ends', async () => {
  expect(() => makeFolders('/proc/nexus/data')).toThrow('ENOENT');
  expect(() => claimDirectory('/proc/nexus/data')).toThrow('ENOENT');
  await expect(openDiskBlobs('/proc/nexus/blobs')).rejects.toThrow('ENOENT');
});
