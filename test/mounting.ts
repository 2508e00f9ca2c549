/** Stores for tests of mounts: directories of this machine that a test changes behind the server's back. */
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { type EngineName, startTestServer, type TestServer } from './harness.ts';

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
  readonly root: string;
  readonly readonly?: boolean;
  readonly write_mode?: 'through' | 'back';
  readonly force?: boolean;
}

/** Mounts a store, and gives the mount. */
export const mount = (server: TestServer, mount_point: string, { root, ...options }: MountOptions) =>
  server.ok('add_mount', { mount_point, backend_type: 'local', backend_config: { root_path: root }, ...options });

/** What each test of a suite has: an empty store, and a point for it that nobody has used. */
export interface Now {
  readonly server: TestServer;
  readonly store: Store;
  readonly at: string;
}

interface EventSeen {
  readonly type: string;
  readonly path: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A server for a suite of tests of mounts, and looks at it. */
export function withMounts(engine: EngineName, environment: Readonly<Record<string, string>> = {}) {
  let server: TestServer;
  let store: Store;
  let at = '';
  let count = 0;
  beforeAll(async () => {
    server = await startTestServer({ engine, environment });
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    store = await newStore();
    at = `/m${count++}`;
  });
  afterEach(async () => {
    for (const { mount_point } of (await server.ok('list_mounts')).slice(1).reverse()) {
      await server.ok('remove_mount', { mount_point, force: true });
    }
    await store.remove();
  });
  return {
    now: (): Now => ({ server, store, at }),
    read: (path: string, key?: string): Promise<unknown> => server.ok('read', { path, encoding: 'utf-8' }, key),
    /** Everything below a mount point, by its path in the store. */
    glob: async (path: string): Promise<string[]> => {
      const { matches } = await server.ok('glob', { pattern: '**', path, include_directories: true });
      return [...matches].map((one) => one.slice(path.length + 1)).filter((one) => one !== '');
    },
    events: async (after: number): Promise<EventSeen[]> => {
      const answer = await server.http(`/api/v2/events/replay?since_revision=${after}&limit=1000`);
      return ((await answer.json()) as { events: EventSeen[] }).events;
    },
    seq: async (): Promise<number> => (await server.ok('list', { path: '/' })).revision,
    usage: async (): Promise<{ bytes: number; files: number } | undefined> =>
      server.sql.read((tx) =>
        tx.get("SELECT used_storage_bytes AS bytes, used_files AS files FROM zones WHERE zone_id = 'root'"),
      ),
  };
}
