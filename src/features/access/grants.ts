/**
 * May this caller read, write or share this path? Decided from grants on the path and on the folders above it, held by
 * the caller or by groups it is in. Guarantees: the decision is made on the snapshot of the call; a cached one is used
 * only at the access revision it was made at and before the first expiry it relied on.
 */
import { Fault } from '../../base/faults.ts';
import type {
  Access,
  CallContext,
  Caller,
  Held,
  Need,
  PathSet,
  Permission,
  SubjectId,
  ZoneRow,
} from '../../core/operation.ts';
import type { Tx } from '../../ports/sql.ts';
import { OPEN_END } from '../../ports/sql.ts';
import { isZoneAdmin } from './credentials.ts';
import { listFileGrants } from './grants.sql.ts';
import { everyPath, pathSet } from './path-set.ts';

/** What one subject holds in one zone, with its end. */
export interface Grants extends Held {
  /** Milliseconds; from then on the grants have to be read again. */
  readonly until: number;
}

const ALL: Grants = { viewer: everyPath, editor: everyPath, owner: everyPath, until: OPEN_END };

/** Which relation a permission takes (access.md §7). */
export const RELATION_OF: Record<Permission, 'viewer' | 'editor' | 'owner'> = {
  read: 'viewer',
  write: 'editor',
  execute: 'owner',
  share: 'owner',
};

/** Counts of answers. */
interface ByCache {
  cached: number;
  read: number;
}

export interface Decisions {
  readonly allowed: ByCache;
  readonly denied: ByCache;
}

/** Grants by zone and subject, each with the access revision it was read at. Bounded: the oldest goes first. */
export class GrantCache {
  /** Questions about a path that were answered, by whether the grants were known. */
  readonly decisions: Decisions = { allowed: { cached: 0, read: 0 }, denied: { cached: 0, read: 0 } };
  hits = 0;
  misses = 0;
  sets = 0;
  private readonly entries = new Map<string, { readonly revision: number; readonly grants: Grants }>();
  private readonly most: number;

  /** `most` 0 switches the cache off; every decision is then a miss. */
  constructor(most = 10_000) {
    this.most = most;
  }

  get size(): number {
    return this.entries.size;
  }

  find(key: string, revision: number, now: number): Grants | undefined {
    const entry = this.entries.get(key);
    if (entry && entry.revision === revision && now < entry.grants.until) {
      this.hits++;
      return entry.grants;
    }
    this.misses++;
    return undefined;
  }

  keep(key: string, revision: number, grants: Grants): void {
    if (this.most === 0) return;
    if (this.entries.size >= this.most) {
      const oldest = this.entries.keys().next();
      if (!oldest.done) this.entries.delete(oldest.value);
    }
    this.entries.delete(key);
    this.entries.set(key, { revision, grants });
    this.sets++;
  }

  forget(): void {
    this.entries.clear();
  }

  /** Counts an answer, and gives it. */
  decided(allowed: boolean, cached: boolean): boolean {
    this.decisions[allowed ? 'allowed' : 'denied'][cached ? 'cached' : 'read']++;
    return allowed;
  }

  /** The set, whose answers are counted. */
  counting(set: PathSet, cached: boolean): PathSet {
    return {
      everything: set.everything,
      roots: set.roots,
      has: (path) => this.decided(set.has(path), cached),
      touches: (path) => this.decided(set.touches(path), cached),
    };
  }
}

/** Where and when a question is asked. */
export interface Asking {
  readonly tx: Tx;
  readonly now: number;
  readonly cache: GrantCache;
}

export interface AccessQuestion extends Asking {
  readonly zone: ZoneRow;
  readonly caller: Caller;
  readonly context: CallContext;
}

interface Found {
  readonly grants: Grants;
  /** They were known, so no row was read. */
  readonly cached: boolean;
}

async function grantsOfCaller(question: AccessQuestion): Promise<Found> {
  const { caller, zone } = question;
  if (isZoneAdmin(caller, zone.zone_id)) return { grants: ALL, cached: false };
  const subjects: SubjectId[] = [[caller.subject_type, caller.subject_id]];
  if (caller.inherit_permissions) subjects.push(['user', caller.user_id]);
  return grantsOf(question, zone, { zone_id: caller.zone_id, subjects });
}

interface Subjects {
  readonly zone_id: string;
  readonly subjects: readonly SubjectId[];
}

type GrantingZone = Pick<ZoneRow, 'zone_id' | 'access_revision'>;

async function grantsOf(asking: Asking, zone: GrantingZone, of: Subjects): Promise<Found> {
  const { cache, now } = asking;
  // Groups of a guest are those of its own zone, whose changes do not show in this zone's revision.
  if (of.zone_id !== zone.zone_id) {
    cache.misses++;
    return { grants: await readGrants(asking, zone, of), cached: false };
  }
  const key = JSON.stringify([zone.zone_id, of.subjects]);
  const cached = cache.find(key, zone.access_revision, now);
  if (cached) return { grants: cached, cached: true };
  const grants = await readGrants(asking, zone, of);
  cache.keep(key, zone.access_revision, grants);
  return { grants, cached: false };
}

async function readGrants(asking: Asking, zone: GrantingZone, of: Subjects): Promise<Grants> {
  const rows = await listFileGrants(asking.tx, {
    zone_id: zone.zone_id,
    subject_zone_id: of.zone_id,
    subjects: of.subjects,
    now: asking.now,
  });
  const paths = { viewer: [] as string[], editor: [] as string[], owner: [] as string[] };
  for (const { relation, object_id } of rows) {
    for (const name of ['owner', 'editor', 'viewer'] as const) {
      if (relation === `direct_${name}` || relation === `shared-${name}`) paths[name].push(object_id);
    }
  }
  return {
    owner: pathSet(paths.owner),
    editor: pathSet([...paths.owner, ...paths.editor]),
    viewer: pathSet([...paths.owner, ...paths.editor, ...paths.viewer]),
    until: rows.reduce((least, row) => Math.min(least, row.until), OPEN_END),
  };
}

/** The caller's access in the zone of a call; the grants are read at the first question. */
export function accessOf(question: AccessQuestion): Access {
  const { cache } = question;
  let known: Found | undefined;
  const allows = async (permission: Permission, path: string): Promise<boolean> => {
    known ??= await grantsOfCaller(question);
    return cache.decided(known.grants[RELATION_OF[permission]].has(path), known.cached);
  };
  const paths = async (name: keyof Held): Promise<PathSet> => {
    known ??= await grantsOfCaller(question);
    return cache.counting(known.grants[name], known.cached);
  };
  return {
    require: async (needs) => {
      for (const need of needs) {
        if (!(await allows(need.permission, need.path))) throw denied(need, question.context);
      }
    },
    allows,
    readable: () => paths('viewer'),
    writable: () => paths('editor'),
    heldBy: async (zone, subject) => {
      const { grants, cached } = await grantsOf(question, zone, { zone_id: zone.zone_id, subjects: [subject] });
      return {
        viewer: cache.counting(grants.viewer, cached),
        editor: cache.counting(grants.editor, cached),
        owner: cache.counting(grants.owner, cached),
      };
    },
  };
}

/** ACCESS_DENIED: the same whether or not the path exists. */
export function denied(need: Need, context: CallContext): Fault {
  const relation = RELATION_OF[need.permission];
  const path = `${context.path_prefix}${need.path}`;
  const message =
    `Access denied: ${need.permission} on ${path} needs the relation ${relation} on it or on a folder above it. ` +
    'Ask an owner or a zone admin to grant it.';
  return new Fault('ACCESS_DENIED', message, {
    permission: need.permission,
    path,
    missing: { relation, object: ['file', path] },
    ...(need.index === undefined ? {} : { index: need.index }),
  });
}
