/** Stores for tests of mounts: directories of this machine that a test changes behind the server's back. */
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestServer } from './harness.ts';

/** Begins names of what is being written or taken away. */
const UNFINISHED = '/.nexus-';

export interface Store {
  readonly root: string;
  /** As another program does it. */
  put(path: string, text: string): Promise<void>;
  take(path: string): Promise<void>;
  text(path: string): Promise<string>;
  /** Everything below the root, directories with a slash, sorted. */
  names(): Promise<string[]>;
  remove(): Promise<void>;
}

export async function newStore(files: Readonly<Record<string, string>> = {}): Promise<Store> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'nexus-store-')));
  const store: Store = {
    root,
    put: async (path, text) => {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), text);
    },
    take: (path) => rm(join(root, path), { recursive: true }),
    text: (path) => readFile(join(root, path), 'utf8'),
    names: async () => {
      const entries = await readdir(root, { recursive: true, withFileTypes: true });
      const seen = entries.filter((entry) => !join(entry.parentPath, entry.name).includes(UNFINISHED));
      return seen
        .map((entry) => {
          const path = join(entry.parentPath, entry.name).slice(root.length + 1);
          return entry.isDirectory() ? `${path}/` : path;
        })
        .sort();
    },
    remove: () => rm(root, { recursive: true, force: true }),
  };
  for (const [path, text] of Object.entries(files)) await store.put(path, text);
  return store;
}

export interface MountOptions {
  readonly readonly?: boolean;
  readonly write_mode?: 'through' | 'back';
  readonly force?: boolean;
}

/** Mounts a store, and gives the mount. */
export const mount = (
  server: TestServer,
  mount_point: string,
  store: Pick<Store, 'root'>,
  options: MountOptions = {},
) =>
  server.ok('add_mount', { mount_point, backend_type: 'local', backend_config: { root_path: store.root }, ...options });
