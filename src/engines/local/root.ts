/**
 * The root of a store that is a directory of this host. Guarantees: none outside the directories that the operator allows is
 * opened or made, whatever links lead there; a root that is made is for the server's own user only and on disk with its name;
 * what was made for nothing goes again, unless something lies in it.
 */
import { mkdir, open, realpath, rmdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Fault } from '../../base/faults.ts';
import { isCode } from '../../base/system-error.ts';
import { BackendError } from '../../ports/backend.ts';
import { failed } from './errors.ts';

export interface RootRules {
  /** Directories within which roots may lie. */
  readonly roots: readonly string[];
  /** Directory of the server itself: no root holds it or lies in it, but for `mounts` in it. */
  readonly own: string;
}

/** Its real path, or the one that it would have; ACCESS_DENIED unless that lies within the allowed roots. */
export async function placeOfRoot(path: string, rules: RootRules): Promise<string> {
  const check = await checkOf(path, rules);
  return check((await realOf(path)) ?? (await realParent(path)));
}

/** Its real path; UNREACHABLE where it is not there. ACCESS_DENIED as above. */
export async function findRoot(path: string, rules: RootRules): Promise<string> {
  const check = await checkOf(path, rules);
  const there = await realOf(path);
  if (there !== undefined) return check(there);
  check(await realParent(path));
  throw new BackendError('UNREACHABLE', 'the root directory is not there');
}

/** Makes it if it is missing, and what is missing above it. Gives what takes that away again. */
export async function makeRoot(path: string, rules: RootRules): Promise<() => Promise<void>> {
  // What is missing is made below what is there, whose real path is known.
  await placeOfRoot(path, rules);
  const made: string[] = [];
  try {
    for (const missing of (await missingOf(path)).reverse()) {
      if (await makeOne(missing)) made.unshift(missing);
    }
    return () => takeAway(made);
  } catch (thrown) {
    await takeAway(made);
    throw failed(thrown, path);
  }
}

/** Of the directory and those above it, the ones that are not there; itself first. */
async function missingOf(path: string): Promise<string[]> {
  const missing: string[] = [];
  for (let at = path; (await realOf(at)) === undefined; at = dirname(at)) missing.push(at);
  return missing;
}

/** False where somebody else has made it meanwhile. */
async function makeOne(path: string): Promise<boolean> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (thrown) {
    if (isCode(thrown, 'EEXIST') && (await realOf(path)) !== undefined) return false;
    throw thrown;
  }
  await syncDirectory(dirname(path));
  return true;
}

/** The innermost first. What somebody has put something into stays, or has gone already. */
async function takeAway(made: readonly string[]): Promise<void> {
  try {
    for (const path of made) await rmdir(path);
  } catch (thrown) {
    if (!isCode(thrown, 'ENOTEMPTY', 'EEXIST', 'ENOENT', 'ENOTDIR')) throw failed(thrown, made[0] ?? '');
  }
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function checkOf(path: string, { roots, own }: RootRules): Promise<(real: string) => string> {
  const allowed = await Promise.all(roots.map(async (root) => (await realOf(root)) ?? (await realParent(root))));
  const ours = (await realOf(own)) ?? own;
  return (real) => {
    const inMounts = isIn(real, `${ours}/mounts`);
    if (!inMounts && (isIn(real, ours) || isIn(ours, real))) throw ownDirectory(path);
    if (allowed.some((root) => isIn(real, root))) return real;
    throw new Fault(
      'ACCESS_DENIED',
      `Access denied: ${path} lies in none of the directories that NEXUS_MOUNT_LOCAL_ROOTS allows`,
      { setting: 'NEXUS_MOUNT_LOCAL_ROOTS' },
    );
  };
}

const isIn = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`);

const ownDirectory = (path: string): Fault =>
  new Fault('ACCESS_DENIED', `Access denied: ${path} and the data directory of the server hold one another`, {
    setting: 'NEXUS_DATA_DIR',
  });

/** The real path of the nearest directory above that is there. */
async function realParent(path: string): Promise<string> {
  for (let above = dirname(path); ; above = dirname(above)) {
    const real = await realOf(above);
    if (real !== undefined) return real + path.slice(above === '/' ? 0 : above.length);
  }
}

async function realOf(path: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch (thrown) {
    if (isCode(thrown, 'ENOENT')) return undefined;
    if (isCode(thrown, 'EACCES', 'ENOTDIR', 'ELOOP')) throw failed(thrown, path);
    throw new BackendError('UNREACHABLE', `${path} could not be reached`, thrown);
  }
}
