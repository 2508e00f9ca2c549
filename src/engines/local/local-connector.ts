/**
 * The kind of stores that are directories of this host. Guarantees: nothing outside the roots that the operator allows is
 * opened, whatever links lead there; a root that is missing is made, for the server's own user only.
 */
import { isAbsolute, resolve } from 'node:path';
import { z } from 'zod';
import { invalidParams } from '../../base/faults.ts';
import type { BackendConfig, Connector, OpenBackend, Place } from '../../ports/backend.ts';
import { foldsNames } from './folding.ts';
import { LocalBackend } from './local-backend.ts';
import { findRoot, makeRoot, placeOfRoot, type RootRules } from './root.ts';

export interface LocalOptions extends RootRules {
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
    open: (config) => openLocal(rootOf(config), options),
    making: {
      placeOf: async (config) => {
        checkNodes(options);
        return placeAt(await placeOfRoot(rootOf(config), options));
      },
      make: (config) => makeLocal(rootOf(config), options),
    },
  };
}

const rootOf = (config: BackendConfig): string => String(config.root_path);

const placeAt = (path: string): Place => ({ store: 'local', path });

function checkNodes({ severalNodes, shared }: LocalOptions): void {
  if (!severalNodes() || shared) return;
  throw invalidParams({
    path: 'backend_type',
    message:
      'local needs NEXUS_MOUNT_LOCAL_SHARED where there are several nodes: each would show files of its own machine',
  });
}

async function openLocal(path: string, options: LocalOptions): Promise<OpenBackend> {
  checkNodes(options);
  const real = await findRoot(path, options);
  const backend = new LocalBackend(real);
  await backend.check();
  return { backend, place: placeAt(real) };
}

async function makeLocal(path: string, options: LocalOptions): Promise<() => Promise<void>> {
  checkNodes(options);
  const undo = await makeRoot(path, options);
  try {
    // Asked when it is mounted: later everything would have to be asked again.
    if (await foldsNames(await findRoot(path, options))) {
      throw invalidParams({
        path: 'root_path',
        message: `${path} lies on a file system that takes a and A for the same name, which are two paths of Nexus`,
      });
    }
  } catch (thrown) {
    await undo();
    throw thrown;
  }
  return undo;
}
