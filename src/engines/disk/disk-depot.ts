/**
 * A depot in a directory: `<root>/blobs/ab/cd/<hash>` and `<root>/documents/<name>`. Guarantees, beside those of the port:
 * nobody but the owner may enter either folder; what a crash left half written goes an hour later; who only looks makes and removes nothing, and finds nothing where nothing is.
 */
import { randomUUID } from 'node:crypto';
import { chmod, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { isCode, unlessMissing } from '../../base/system-error.ts';
import { assertDocumentName, type Depot, type DepotUse, type Documents } from '../../ports/depot.ts';
import { openDiskBlobs } from './disk-blobs.ts';
import { syncFolder, throwFull } from './disk-stage.ts';
import { removeLeftovers } from './leftovers.ts';

export async function openDiskDepot(folder: string, use: DepotUse): Promise<Depot> {
  const root = resolve(folder);
  const [contents, named] = [join(root, 'blobs'), join(root, 'documents')];
  if (use === 'keep') for (const wanted of [contents, named]) await makeFolders(wanted);
  const blobs = await openDiskBlobs(contents, use === 'keep' ? 'first' : 'looking');
  if (use === 'keep') {
    await chmod(named, 0o700);
    await syncFolder(root);
    await removeLeftovers(named, UNFINISHED);
  }
  return {
    blobs,
    hashes: () => hashesIn(contents),
    documents: documentsIn(named),
    close: () => blobs.close(),
  };
}

/** One by one: where a file system takes no folders, Node's own way to make several tries for ever. */
async function makeFolders(folder: string): Promise<void> {
  const above = dirname(folder);
  for (let tries = 1; ; tries++) {
    try {
      await mkdir(folder, { mode: 0o700 });
      return await syncFolder(above);
    } catch (thrown) {
      if (isCode(thrown, 'EEXIST')) return;
      // Whoever opens it at the same time may have made the folder above since.
      if (!isCode(thrown, 'ENOENT') || tries > 1) throw thrown;
      if (!(await stat(above).catch(unlessMissing))) await makeFolders(above);
    }
  }
}

/** What is being written; no document is called so. */
const UNFINISHED = '.new-';

const documentsIn = (folder: string): Documents => {
  const fileOf = (name: string): string => {
    assertDocumentName(name);
    return join(folder, name);
  };
  return {
    put: async (name, text) => replace(fileOf(name), join(folder, UNFINISHED + randomUUID()), text).catch(throwFull),
    get: async (name) => readFile(fileOf(name), 'utf8').catch(unlessMissing),
    list: async () => {
      const names = (await readdir(folder).catch(unlessMissing)) ?? [];
      return names.filter((name) => !name.startsWith(UNFINISHED)).sort();
    },
    remove: async (name) => {
      await rm(fileOf(name), { force: true });
      await syncFolder(folder);
    },
  };
};

async function replace(path: string, unfinished: string, text: string): Promise<void> {
  try {
    const file = await open(unfinished, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(unfinished, path);
  } catch (thrown) {
    await rm(unfinished, { force: true });
    throw thrown;
  }
  await syncFolder(join(path, '..'));
}

async function* hashesIn(root: string): AsyncIterable<string> {
  for (const first of await foldersIn(root)) {
    for (const second of await foldersIn(join(root, first))) {
      for (const name of await readdir(join(root, first, second))) if (/^[0-9a-f]{64}$/.test(name)) yield name;
    }
  }
}

const foldersIn = async (folder: string): Promise<string[]> =>
  ((await readdir(folder).catch(unlessMissing)) ?? []).filter((name) => /^[0-9a-f]{2}$/.test(name));
