/**
 * Seed texts as files of the corpus folder. A text is written beside its place under a name that begins with a dot, which no
 * batch takes in, synced, and then moved there.
 */
import { randomUUID } from 'node:crypto';
import { open, realpath, rename, rm } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { SeedNotFetched, type SeedTexts } from '../../ports/seed-texts.ts';
import { makeFolders } from '../folders.ts';
import { corpusFolder } from './corpus-folder.ts';

/** Of the corpus folder. */
const FOLDER = 'seeds';

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
        await writeSynced(part, fetch(url));
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

async function writeSynced(path: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  const handle = await open(path, 'wx');
  try {
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
