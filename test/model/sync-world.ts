/**
 * A mount with a real directory as its store, on a real database, without a server: what a push or a pull does there, and what it
 * does when it is killed between any two steps. A kill leaves what stands in rows and in the store, and nothing else.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { defaultLimits } from '../../src/base/limits.ts';
import type { Operation } from '../../src/core/operation.ts';
import { localConnector } from '../../src/engines/local/local-connector.ts';
import { beginDirectory, contentOf, removeOne, writeFile } from '../../src/features/files/changes.ts';
import { removeDirectory } from '../../src/features/files/removals.ts';
import { lookUp } from '../../src/features/files/tree.ts';
import { mainView } from '../../src/features/files/view.ts';
import { insertMount, type MountRow } from '../../src/features/mounts/mounts.sql.ts';
import type { Resolution } from '../../src/features/sync/decide.ts';
import type { Step } from '../../src/features/sync/run.ts';
import { beginSync } from '../../src/features/sync/steps.operations.ts';
import { type Action, type Ran, runSync } from '../../src/features/sync/syncer.ts';
import type { Backend } from '../../src/ports/backend.ts';
import { type Bare, openBare } from '../bare.ts';
import type { EngineName } from '../harness.ts';

export const POINT = '/m';

export class Killed extends Error {}

/** Steps of the database and of the store before a kill; infinite is never. */
export interface Kill {
  readonly after: number;
}

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

export class SyncWorld {
  readonly bare: Bare;
  private readonly roots: string;
  private backend: Backend | undefined;
  private root = '';
  private zone_id = '';
  private mount: MountRow | undefined;
  private zones = 0;

  private constructor(bare: Bare) {
    this.bare = bare;
    this.roots = mkdtempSync(join(tmpdir(), 'nexus-sync-'));
  }

  static async open(engine: EngineName = 'sqlite'): Promise<SyncWorld> {
    return new SyncWorld(await openBare(engine));
  }

  async close(): Promise<void> {
    await this.backend?.close();
    await this.bare.close();
    rmSync(this.roots, { recursive: true, force: true });
  }

  /** A new mount of an empty directory, in a zone of its own. */
  async begin(): Promise<void> {
    await this.backend?.close();
    const n = ++this.zones;
    this.zone_id = `sync-${n}`;
    this.root = join(this.roots, String(n));
    mkdirSync(this.root);
    const connector = localConnector({ roots: [this.roots], own: '/nowhere', shared: true, severalNodes: () => false });
    const { backend } = await connector.open({ root_path: this.root }, new AbortController().signal);
    this.backend = backend;
    await this.bare.call('zone_create', { zone_id: this.zone_id, name: 'S' });
    const mount = mountRow(this.zone_id);
    this.mount = mount;
    await this.bare.sql.write(this.zone_id, async (tx) => {
      await insertMount(tx, mount);
      await tx.run('UPDATE zones SET mounts_revision = 1 WHERE zone_id = ?', [this.zone_id]);
    });
    await this.bare.step(makePoint, this.zone_id, {});
    mkdirSync(join(this.root, 'd/e'), { recursive: true });
    await this.sync('pull', undefined);
  }

  /** As a user of Nexus does. */
  async change(path: string, content: string | undefined): Promise<void> {
    await this.bare.step(content === undefined ? removeHere : writeHere, this.zone_id, {
      path,
      content: content ?? '',
    });
  }

  /** The same with a directory and all that is known below it; nothing where there is none. */
  async removeDirectory(path: string): Promise<void> {
    await this.bare.step(removeTree, this.zone_id, { path });
  }

  /** As another program does. */
  changeRemote(path: string, content: string | undefined): void {
    const place = this.place(path);
    if (content === undefined) rmSync(place, { force: true });
    else {
      mkdirSync(dirname(place), { recursive: true });
      writeFileSync(place, content);
    }
  }

  private place(path: string): string {
    return join(this.root, path.slice(POINT.length));
  }

  /** Undefined: it was killed. */
  async sync(
    action: Action,
    resolution: Resolution | undefined,
    kill: Kill = { after: Infinity },
  ): Promise<Ran | undefined> {
    const { backend, mount } = this;
    if (!backend || !mount) throw new Error('nothing has begun');
    let left = kill.after;
    const tick = (): void => {
      if (left-- <= 0) throw new Killed();
    };
    // Before a step nothing of it has happened, behind it all of it, whether or not anybody heard.
    const around = async <T>(work: () => Promise<T>): Promise<T> => {
      tick();
      const done = await work();
      tick();
      return done;
    };
    const step: Step = (operation, input) => around(() => this.bare.step(operation, this.zone_id, input));
    const begun = await this.bare.step(beginSync, this.zone_id, { mount_point: POINT });
    if (!begun) throw new Error('it is not mounted');
    const { signal } = new AbortController();
    const parts = {
      mount: begun.mount,
      backend: killable(backend, around),
      blobs: this.bare.blobs,
      limits: defaultLimits,
      step,
      signal,
    };
    try {
      return await runSync(parts, begun, { action, resolution, paths: undefined, dry_run: false });
    } catch (thrown) {
      if (thrown instanceof Killed) return undefined;
      throw thrown;
    }
  }

  async local(): Promise<Map<string, string>> {
    const rows = await this.bare.sql.read((tx) =>
      tx.all<{ path: string; inline: Uint8Array }>(
        `SELECT s.path, b.inline FROM file_states s JOIN blobs b ON b.sha256 = s.etag
         WHERE s.zone_id = ? AND s.kind = 'f' AND s.ended = 9007199254740991`,
        [this.zone_id],
      ),
    );
    return new Map(rows.map(({ path, inline }) => [path, Buffer.from(inline).toString()]));
  }

  remote(): Map<string, string> {
    const files = readdirSync(this.root, { recursive: true, encoding: 'utf8' });
    return new Map(
      files
        .filter((name) => statSync(join(this.root, name)).isFile())
        .map((name) => [`${POINT}/${name}`, readFileSync(join(this.root, name), 'utf8')]),
    );
  }

  async pending(): Promise<string[]> {
    const begun = await this.bare.step(beginSync, this.zone_id, { mount_point: POINT });
    return (begun?.pending ?? [])
      .filter(({ change }) => change === 'write' || change === 'delete')
      .map(({ path }) => path);
  }

  /** Conflicts that are open, by path, with what was seen in the store. */
  async open(): Promise<Map<string, string | null>> {
    const begun = await this.bare.step(beginSync, this.zone_id, { mount_point: POINT });
    return new Map((begun?.open ?? []).map(({ path, remote_etag }) => [path, remote_etag]));
  }

  /** Hashes of the contents that conflicts keep. */
  async kept(): Promise<Set<string>> {
    const rows = await this.bare.sql.read((tx) =>
      tx.all<{ sha256: string }>(
        `SELECT b.sha256 FROM sync_conflicts c JOIN blobs b ON b.blob_id IN (c.local_blob, c.remote_blob) WHERE c.zone_id = ?`,
        [this.zone_id],
      ),
    );
    return new Set(rows.map(({ sha256 }) => sha256));
  }

  /** Sequence number of the zone's newest event: a run that changes nothing adds none. */
  async seq(): Promise<number> {
    const row = await this.bare.sql.read((tx) =>
      tx.get<{ seq: number }>('SELECT seq FROM zones WHERE zone_id = ?', [this.zone_id]),
    );
    return row?.seq ?? 0;
  }

  hashOf = hashOf;
}

type Around = <T>(work: () => Promise<T>) => Promise<T>;

function killable(backend: Backend, around: Around): Backend {
  const { signal } = new AbortController();
  return {
    stat: (path) => around(() => backend.stat(path, signal)),
    list: (directory, listing) => backend.list(directory, listing),
    // What is open has to be read: it is killed before that or not at all.
    open: async (path, reading) => {
      await around(async () => undefined);
      return backend.open(path, reading);
    },
    write: (path, content, changing) => around(() => backend.write(path, content, changing)),
    remove: (path, changing) => around(() => backend.remove(path, changing)),
    makeDirectory: (path) => around(() => backend.makeDirectory(path, signal)),
    removeDirectory: (path, removing) => around(() => backend.removeDirectory(path, removing)),
    rename: (from, to, moving) => around(() => backend.rename(from, to, moving)),
    close: async () => undefined,
  };
}

const mountRow = (zone_id: string): MountRow => ({
  zone_id,
  mount_id: `mount-${zone_id}`,
  mount_point: POINT,
  backend_type: 'local',
  config: '{}',
  secrets: '',
  store: 'host',
  place: `/${zone_id}`,
  can_rename: 1,
  has_directories: 1,
  readonly: 0,
  priority: 0,
  write_mode: 'back',
  sync_interval_seconds: 0,
  conflict_strategy: null,
  description: '',
  owner: 'user:admin',
  tuple_id: 'none',
  made_directory: 1,
  status: 'active',
  last_error: null,
  created_at: 1,
});

/** What users do, without the looks at the store that calls of a server begin with. */
const USER = { who: 'root admin', internal: true, faults: [], effect: 'write', output: z.null() } as const;

const writeHere: Operation<{ path: string; content: string }, null> = {
  ...USER,
  name: 'test.write',
  summary: 'Write a file.',
  input: z.object({ path: z.string(), content: z.string() }),
  run: async (call, { path, content }) => {
    const view = mainView(call.zone.zone_id);
    const inline = Buffer.from(content);
    const stored = { sha256: hashOf(content), size: inline.length, utf8: true, encoding: 'utf-8', inline } as const;
    const spot = await lookUp(call, view, path);
    const made = { ...contentOf(stored), content_type: 'text/plain', metadata: null, reason: 'write' } as const;
    await writeFile(call, view, { spot, content: made });
    return null;
  },
};

const removeHere: Operation<{ path: string; content: string }, null> = {
  ...USER,
  name: 'test.remove',
  summary: 'Remove a file.',
  input: z.object({ path: z.string(), content: z.string() }),
  run: async (call, { path }) => {
    const view = mainView(call.zone.zone_id);
    const { state } = await lookUp(call, view, path);
    if (state?.kind !== 'f') return null;
    const revision = call.event({ type: 'delete', path, data: {} });
    call.use('storage_bytes', -state.size);
    call.use('files', -1);
    await removeOne(call, view, { state, revision });
    return null;
  },
};

const removeTree: Operation<{ path: string }, null> = {
  ...USER,
  name: 'test.rmdir',
  summary: 'Remove a directory.',
  input: z.object({ path: z.string() }),
  run: async (call, { path }) => {
    const view = mainView(call.zone.zone_id);
    const { state } = await lookUp(call, view, path);
    if (state?.kind === 'd') await removeDirectory(call, view, { state, recursive: true });
    return null;
  },
};

const makePoint: Operation<object, null> = {
  ...USER,
  ungated: true,
  name: 'test.mkdir',
  summary: 'Make the mount point.',
  input: z.object({}),
  run: async (call) => {
    const view = mainView(call.zone.zone_id);
    const revision = call.event({ type: 'mkdir', path: POINT, data: {} });
    await beginDirectory(call, view, { path: POINT, revision, ordinal: 0, occupied: false });
    return null;
  },
};
