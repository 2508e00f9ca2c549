/**
 * The kind of stores that are directories of this host. Guarantees: nothing outside the roots that the operator allows is
 * opened, whatever links lead there; a root that is missing is made, for the server's own user only.
 */
import { mkdir, realpath } from 'node:fs/promises';
import { dirname, isAbsolute, resolve } from 'node:path';
import { z } from 'zod';
import { Fault, invalidParams } from '../../base/faults.ts';
import { isCode } from '../../base/system-error.ts';
import { BackendError, type Connector, type OpenBackend } from '../../ports/backend.ts';
import { failed } from './errors.ts';
import { foldsNames } from './folding.ts';
import { LocalBackend } from './local-backend.ts';

export interface LocalOptions {
  /** Directories within which roots may lie. */
  readonly roots: readonly string[];
  /** Directory of the server itself: no root holds it or lies in it, but for `mounts` in it. */
  readonly own: string;
  /** All nodes see the same files under the same paths. */
  readonly shared: boolean;
  /** Are there other nodes? */
  readonly severalNodes: () => boolean;
}

const absolute = z
  .string()
  .min(1)
  .max(4096)
  .refine((path) => isAbsolute(path) && !path.includes('\0'), 'has to be an absolute path');

const Config = z
  .strictObject({
    root_path: absolute.optional().describe('Directory of the host, made if it is missing'),
    root: absolute.optional().describe('The same as root_path'),
  })
  .refine(({ root_path, root }) => (root_path ?? root) !== undefined, {
    path: ['root_path'],
    message: 'is required: the directory of the host',
  })
  .refine(({ root_path, root }) => root_path === undefined || root === undefined || root_path === root, {
    path: ['root'],
    message: 'is the same as root_path, and says something else',
  })
  .transform(({ root_path, root }) => ({ root_path: resolve(root_path ?? root ?? '/') }));

export function localConnector(options: LocalOptions): Connector {
  return {
    type: 'local',
    category: 'local',
    description: 'A directory of the host that the server runs on',
    secrets: [],
    requires: ['a root_path within NEXUS_MOUNT_LOCAL_ROOTS', 'NEXUS_MOUNT_LOCAL_SHARED where there are several nodes'],
    capabilities: {
      directories: true,
      rename: true,
      conditional_create: true,
      conditional_replace: false,
      atomic_remove: true,
    },
    reachesHost: true,
    config: Config,
    open: async (config, _signal, make = false) => openLocal(String(config.root_path), { ...options, make }),
  };
}

interface Opening extends LocalOptions {
  /** A root that is missing is made: when it is mounted, and never later, since it may have been taken away. */
  readonly make: boolean;
}

async function openLocal(path: string, options: Opening): Promise<OpenBackend> {
  if (options.severalNodes() && !options.shared) {
    throw invalidParams({
      path: 'backend_type',
      message:
        'local needs NEXUS_MOUNT_LOCAL_SHARED where there are several nodes: each would show files of its own machine',
    });
  }
  const real = await realRoot(path, options);
  const backend = new LocalBackend(real);
  await backend.check();
  // Asked when it is mounted: later everything would have to be asked again.
  if (options.make && (await foldsNames(real))) throw foldingRoot(path);
  return { backend, place: { store: 'local', path: real } };
}

const foldingRoot = (path: string): Fault =>
  invalidParams({
    path: 'root_path',
    message: `${path} lies on a file system that takes a and A for the same name, which are two paths of Nexus`,
  });

/** The root by its real path, made if it is missing; ACCESS_DENIED unless that lies within the allowed roots. */
async function realRoot(path: string, { roots, own, make }: Opening): Promise<string> {
  const allowed = await Promise.all(roots.map(async (root) => (await realOf(root)) ?? (await realParent(root))));
  const ours = (await realOf(own)) ?? own;
  const check = (real: string): string => {
    const inMounts = isIn(real, `${ours}/mounts`);
    if (!inMounts && (isIn(real, ours) || isIn(ours, real))) throw ownDirectory(path);
    if (allowed.some((root) => isIn(real, root))) return real;
    throw new Fault(
      'ACCESS_DENIED',
      `Access denied: ${path} lies in none of the directories that NEXUS_MOUNT_LOCAL_ROOTS allows`,
      { setting: 'NEXUS_MOUNT_LOCAL_ROOTS' },
    );
  };
  const there = await realOf(path);
  if (there !== undefined) return check(there);
  // What is missing is made below what is there, whose real path is known.
  check(await realParent(path));
  if (!make) throw new BackendError('UNREACHABLE', 'the root directory is not there');
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    return check(await realpath(path));
  } catch (thrown) {
    if (thrown instanceof Fault) throw thrown;
    throw failed(thrown, path);
  }
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
