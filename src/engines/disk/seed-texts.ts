/**
 * Seed texts as files of the corpus folder. A text is written beside its place under a name that begins with a dot, which no
 * batch takes in, synced, and then moved there. What a killed process left half-written goes with a later text.
 */
import { randomUUID } from 'node:crypto';
import { type FileHandle, open, readdir, realpath, rename, rm, stat } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { unlessMissing } from '../../base/system-error.ts';
import { SeedNotFetched, type SeedTexts } from '../../ports/seed-texts.ts';
import { makeFolders } from '../folders.ts';
import { corpusFolder } from './corpus-folder.ts';

/** Of the corpus folder. */
const FOLDER = 'seeds';

/** Milliseconds; no text takes as long. */
const ABANDONED_MS = 60 * 60_000;
const isPart = (name: string): boolean => name.startsWith('.') && name.endsWith('.part');

/** Opens what there is to be read of a text. */
export type Fetch = (url: URL) => AsyncIterable<Uint8Array>;

export function seedTexts(named: string, fetch: Fetch): SeedTexts {
  const folder = corpusFolder(named);
  return {
    exists: () => folder.exists(),
    find: async (name) => {
      const file = await folder.open(join(FOLDER, name));
      if (file === undefined || file === 'OUTSIDE') return undefined;
      await file.close();
      return file.path;
    },
    fetch: async (name, url) => {
      const seeds = await seedsFolder(named);
      const part = join(seeds, `.${name}.${randomUUID()}.part`);
      try {
        await writeSynced(part, fetch(url), (handle) => removeAbandoned(seeds, handle));
        await rename(part, join(seeds, name));
      } catch (thrown) {
        await rm(part, { force: true });
        throw thrown;
      }
      await syncFolder(seeds);
      return join(seeds, name);
    },
  };
}

/** Made where it is missing. */
async function seedsFolder(named: string): Promise<string> {
  makeFolders(resolve(named, FOLDER));
  const [root, seeds] = await Promise.all([realpath(named), realpath(join(named, FOLDER))]);
  if (relative(root, seeds).startsWith('..')) throw new SeedNotFetched(`${FOLDER} leads out of the corpus folder`);
  return seeds;
}

/** Old by the clock of the file system, which gave the new one its time. */
async function removeAbandoned(seeds: string, part: FileHandle): Promise<void> {
  const { mtimeMs: now } = await part.stat();
  for (const name of (await readdir(seeds)).filter(isPart)) {
    const known = await stat(join(seeds, name)).catch(unlessMissing);
    if (known && now - known.mtimeMs > ABANDONED_MS) await rm(join(seeds, name), { force: true });
  }
}

async function writeSynced(
  path: string,
  pieces: AsyncIterable<Uint8Array>,
  begun: (handle: FileHandle) => Promise<void>,
): Promise<void> {
  const handle = await open(path, 'wx');
  try {
    await begun(handle);
    for await (const piece of pieces) await handle.writeFile(piece);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  await handle.sync().finally(() => handle.close());
}
