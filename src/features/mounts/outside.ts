/**
 * What calls ask of stores, done outside their transactions. Guarantees: nothing is asked of a store while the brick is off, nor
 * before the call has been permitted; a store that fails is a fault of that call and of nobody else's; what a change of a store
 * left half done is undone as far as it can be, and else settled by the next look.
 */
import type { Demand, Look, Passage } from '../../core/call/outside.ts';
import type { CallContext, Operation } from '../../core/operation.ts';
import { type Applied, applySteps } from './apply.ts';
import { gone, storeFault } from './failures.ts';
import { fetchFile } from './fetch.ts';
import { type KnownRow, listKnown } from './known.sql.ts';
import { differences, lookAt, newOf, type Sight, seenOf } from './look.ts';
import { MadeStores } from './made-stores.ts';
import { insideOf, isAtOrBelow, mountAt, pathsOf, textOfLook } from './mount.ts';
import { endIntent, noteHealth } from './mount-steps.operations.ts';
import { listMounts, type MountRow, type MountStatus } from './mounts.sql.ts';
import type { OutsideParts, Reached, Step } from './outside-parts.ts';
import { type PathTurn, PathTurns } from './path-turns.ts';
import { type Known, knownOfMount, refreshMount, type Seen } from './refresh.operations.ts';

/** Things that one transaction takes over. */
const SLICE = 1_000;
/** Files of one look that are read at a time. */
const READS_AT_ONCE = 4;
/**
 * Milliseconds that a list reads contents for the sake of their hashes: of what is new, and of what earlier ones have left. So
 * however large a store is, lists of it come soon, and each knows more.
 */
const HASHING_MS = 2_000;
const HASHING_LEFT_MS = 250;
/** The same for the files of the page that is shown, and how many of them are taken over together. */
const PAGE_MS = 20_000;
const PAGE_SLICE = 100;

/** What whoever has a store made holds: one for all, since one store may lie in another. */
const STORES = 'stores';

export class Outside {
  private readonly parts: OutsideParts;
  /** Changes of stores whose calls have not committed yet. */
  private readonly applied = new Map<string, Applied>();
  private readonly made: MadeStores;

  constructor(parts: OutsideParts) {
    this.parts = parts;
    this.made = new MadeStores(parts);
  }

  /** What a call holds while it changes stores. */
  readonly turns = new PathTurns();

  /** Stores are switched off. */
  get isOff(): boolean {
    return this.parts.isOff();
  }

  /** Does what was asked for, and gives the context with which the call goes on. */
  async go(demand: Demand, context: CallContext, turn: PathTurn): Promise<CallContext> {
    this.parts.checkOn();
    const passage: Passage = context.passage ?? { looked: [] };
    if (demand.kind === 'look') {
      for (const look of demand.looks) await this.look(context.zone_id, look);
      return { ...context, passage: { ...passage, looked: [...passage.looked, ...demand.looks.map(textOfLook)] } };
    }
    if (demand.kind === 'hashes') {
      await this.hash(context.zone_id, demand.paths);
      return { ...context, passage: { ...passage, looked: [...passage.looked, demand.of] } };
    }
    if (demand.kind === 'store') {
      // In their turn, as of those of this process only one can have the claim.
      await turn.take([STORES]);
      return { ...context, passage: { ...passage, made: await this.made.make(demand.store, context.zone_id) } };
    }
    if (demand.steps.length === 0) return { ...context, passage: { looked: passage.looked } };
    const paths = demand.steps.flatMap(({ step }) => pathsOf(step));
    if (await turn.take(paths.map((path) => `${context.zone_id} ${path}`))) {
      return { ...context, passage: { looked: [] } };
    }
    const applied = await applySteps(this.parts, this, { zone_id: context.zone_id, demand });
    if (!applied) {
      // What changed meanwhile is looked at, also for calls that ask for no look.
      for (const { mount_id, step } of demand.steps) {
        for (const path of pathsOf(step)) {
          await this.look(context.zone_id, { mount_id, path, depth: 'one', content: true });
        }
      }
      return { ...context, passage: { looked: [] } };
    }
    this.applied.set(applied.change.intent_id, applied);
    return { ...context, passage: { ...passage, change: applied.change } };
  }

  /** The call has committed what it changed at stores. */
  async committed({ passage }: CallContext): Promise<void> {
    if (passage?.change) this.applied.delete(passage.change.intent_id);
    if (passage?.made) await this.made.keep(passage.made);
  }

  /** It has not, and will not. */
  async abandon({ passage, zone_id }: CallContext): Promise<void> {
    if (passage?.made) await this.made.takeAway(passage.made);
    const intent_id = passage?.change?.intent_id;
    if (intent_id === undefined) return;
    const applied = this.applied.get(intent_id);
    this.applied.delete(intent_id);
    await applied?.undo();
    await this.parts.step(endIntent, zone_id, { intent_id });
  }

  /** A store of a zone; UNAVAILABLE where it cannot be reached. Undefined where the mount is gone. */
  async reach(zone_id: string, mount_id: string): Promise<Reached | undefined> {
    const rows = await this.parts.sql.read((tx) => listMounts(tx, zone_id));
    const row = rows.find((one) => one.mount_id === mount_id);
    if (!row) {
      this.parts.stores.forget(mount_id);
      return undefined;
    }
    return { row, backend: await this.watched(row, () => this.parts.stores.backendOf(row)) };
  }

  /** Runs work with a store; what is wrong with it becomes the fault of its mount, and its state. */
  async watched<T>(row: MountRow, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      const fault = storeFault(thrown, row);
      if (gone(thrown)) await this.note(row, { status: 'unreachable', last_error: fault.message });
      throw fault;
    }
  }

  /** Brings what the tree has of a place up to date. `each`: an event for each thing that changed. */
  async look(zone_id: string, look: Look, each = false): Promise<number> {
    const reached = await this.reach(zone_id, look.mount_id);
    if (!reached) return 0;
    const { row, backend } = reached;
    const abort = new AbortController();
    const looking = { backend, mount: row, limits: this.parts.limits, signal: abort.signal };
    return this.watched(row, async () => {
      try {
        let sight = await lookAt(looking, look);
        let known = await this.known(zone_id, look);
        let seen = seenIn(row, look, { sight, known });
        if (sight.whole && seen.some(({ kind }) => kind === 'gone')) {
          sight = merged(sight, await lookAt(looking, look));
          known = await this.known(zone_id, look);
          seen = seenIn(row, look, { sight, known });
        }
        await this.note(row, healthOf(sight, row));
        if (!known.mounted) return 0;
        return await this.takeIn({ zone_id, look, each, seen, sight, known, reached, signal: abort.signal });
      } finally {
        abort.abort();
      }
    });
  }

  /** Reads files whose content is not known yet, for the time that a page of a list may take. */
  private async hash(zone_id: string, paths: readonly string[]): Promise<void> {
    const until = performance.now() + PAGE_MS;
    const mounts = await this.parts.sql.read((tx) => listMounts(tx, zone_id));
    for (const [mount, own] of Map.groupBy(paths, (path) => mountAt(mounts, path))) {
      const reached = mount && (await this.reach(zone_id, mount.mount_id));
      if (!reached) continue;
      const look: Look = { mount_id: mount.mount_id, path: mount.mount_point, depth: 'one', content: true };
      const { busy } = await this.known(zone_id, look);
      const rows = await this.parts.sql.read((tx) => listKnown(tx, zone_id, own));
      const seen = rows.flatMap((row) => unread(row, busy));
      const abort = new AbortController();
      const found = { zone_id, look, each: false, sight: NOTHING_SEEN, reached, signal: abort.signal };
      await this.watched(reached.row, async () => {
        for (let at = 0; at < seen.length && performance.now() < until; at += PAGE_SLICE) {
          await this.takeOver(found, seen.slice(at, at + PAGE_SLICE), until);
        }
      }).finally(() => abort.abort());
    }
  }

  private known(zone_id: string, { mount_id, path, depth }: Look): Promise<Known> {
    return this.parts.step(knownOfMount, zone_id, { mount_id, path, depth });
  }

  private async takeIn(found: Found): Promise<number> {
    const { look, seen } = found;
    const endless = look.content ? Number.POSITIVE_INFINITY : 0;
    const changed = await this.takeOver(found, seen, performance.now() + Math.max(HASHING_MS, endless));
    if (look.onlyNew) return changed;
    // Nothing about these is new but their hashes.
    const until = performance.now() + Math.max(HASHING_LEFT_MS, endless);
    const step = look.content ? SLICE : READS_AT_ONCE;
    const unread = unreadOf(found);
    for (let at = 0; at < unread.length && performance.now() < until; at += step) {
      await this.takeOver(found, unread.slice(at, at + step), until);
    }
    return changed;
  }

  private async takeOver(found: Taking, all: readonly Seen[], until: number): Promise<number> {
    const { zone_id, look, each, sight } = found;
    let changed = 0;
    for (let at = 0; at < all.length; at += SLICE) {
      const slice = await this.withContents(found, all.slice(at, at + SLICE), until);
      const refresh = { mount_id: look.mount_id, seen: slice, each: each || sight.whole === undefined };
      changed += (await this.parts.step(refreshMount, zone_id, refresh)).changed;
    }
    return changed;
  }

  private async withContents(found: Taking, seen: readonly Seen[], until: number): Promise<Seen[]> {
    const result: Seen[] = [];
    for (let at = 0; at < seen.length; at += READS_AT_ONCE) {
      const some = seen.slice(at, at + READS_AT_ONCE);
      const read = await Promise.all(
        some.map((one) => (performance.now() < until ? this.withContent(found, one) : one)),
      );
      result.push(...read.filter((one) => one !== undefined));
    }
    return result;
  }

  /** Undefined where it is not there any more: the next look tells. */
  private async withContent({ zone_id, reached, signal }: Taking, seen: Seen): Promise<Seen | undefined> {
    if (seen.kind !== 'f') return seen;
    const { backend, row } = reached;
    const { blobs, step } = this.parts;
    const announce = {
      run: <I, P, O>(operation: Operation<I, O, P>, ready: P) => run(step, operation, { zone_id, ready }),
    };
    const fetched = await fetchFile({ backend, blobs, signal, announce }, insideOf(row, seen.path));
    if (!fetched) return undefined;
    return { ...seenOf(seen.path, fetched.entry, undefined), base: seen.base, stored: fetched.stored };
  }

  /** Written down when it is another than before. */
  private async note(row: MountRow, health: Health): Promise<void> {
    const { log, step } = this.parts;
    if (row.status === health.status && row.last_error === health.last_error) return;
    const { mount_id, zone_id, mount_point } = row;
    if (health.status === 'unreachable')
      log('warn', 'mount.unreachable', { zone: zone_id, mount_point, err: health.last_error });
    await step(noteHealth, zone_id, { mount_id, ...health });
  }
}

const run = <I, P, O>(step: Step, operation: Operation<I, O, P>, at: { zone_id: string; ready: P }): Promise<O> =>
  step(operation as unknown as Operation<P, O>, at.zone_id, at.ready);

/** What is taken over, and from where. */
interface Taking {
  readonly zone_id: string;
  readonly look: Look;
  readonly each: boolean;
  readonly sight: Sight;
  readonly reached: Reached;
  readonly signal: AbortSignal;
}

interface Found extends Taking {
  readonly seen: readonly Seen[];
  readonly known: Known;
}

const NOTHING_SEEN: Sight = { entries: new Map(), whole: undefined, left_out: 0 };

/** A file whose content is not known and that is as its store told, to be read. */
const unread = (row: KnownRow, busy: readonly string[]): Seen[] =>
  row.kind !== 'f' || row.etag !== '' || row.tag === null || busy.some((one) => isAtOrBelow(row.path, one))
    ? []
    : [
        {
          path: row.path,
          kind: 'f',
          base: row.began,
          tag: row.tag,
          size: row.size,
          modified_at: row.modified_at ?? 0,
          stored: null,
        },
      ];

interface Health {
  readonly status: MountStatus;
  readonly last_error: string | null;
}

/** A listing of the whole mount tells how much was left out; a smaller look says nothing of that. */
function healthOf({ left_out, whole }: Sight, { last_error, status, mount_point }: MountRow): Health {
  if (left_out > 0) {
    return {
      status: 'active',
      last_error: `${left_out} left out: links out of the root, devices, names that are no paths`,
    };
  }
  const all = whole?.path === mount_point && whole.depth === 'tree';
  return { status: 'active', last_error: status === 'active' && !all ? last_error : null };
}

function seenIn(row: MountRow, { onlyNew }: Look, at: { readonly sight: Sight; readonly known: Known }): Seen[] {
  const seen = differences(row, at.sight, at.known);
  return onlyNew ? newOf(seen, at.known) : seen;
}

/** What either of two sights has is there. */
const merged = (first: Sight, second: Sight): Sight => ({
  ...second,
  entries: new Map([...first.entries, ...second.entries]),
});

/** Files whose content is not known though nothing about them has changed. */
function unreadOf({ look, seen, sight, known }: Found): Seen[] {
  const about = new Set(seen.map(({ path }) => path));
  return known.rows.flatMap((row) => {
    const entry = sight.entries.get(row.path);
    if (row.kind !== 'f' || row.etag !== '' || about.has(row.path) || !entry || entry.kind !== 'file') return [];
    return look.depth === 'one' && row.path !== look.path ? [] : [seenOf(row.path, entry, row)];
  });
}
