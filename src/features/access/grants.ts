/**
 * May this caller read, write or share this path? Decided by the one evaluator on the graph of the zone, as the snapshot of
 * the call has it. Guarantees: what is kept is used only at the access revisions it was made at, within the times it relied
 * on, and for the context it was made in if it looked at that.
 */
import { Fault } from '../../base/faults.ts';
import type { Limits } from '../../base/limits.ts';
import type { Access, CallContext, Caller, Need, PathSet, Permission, ZoneRow } from '../../core/operation.ts';
import type { Tx } from '../../ports/sql.ts';
import { findZone } from '../zones/zones.sql.ts';
import type { Context } from './conditions/conditions.ts';
import { isZoneAdmin } from './credentials.ts';
import { NodeBudget } from './evaluate/budget.ts';
import { asGuests, type Closure, closureOf, type SubjectText } from './evaluate/closure.ts';
import { type Evaluation, holdsName, placeOf } from './evaluate/evaluator.ts';
import { pathsWith } from './evaluate/paths.ts';
import { Reliance } from './evaluate/reliance.ts';
import type { GrantCache } from './grant-cache.ts';
import type { GraphZone, ZoneGraph } from './graph/zone-graphs.ts';
import { everyPath, pathSet } from './path-set.ts';

/** Which relation a permission takes (access.md §7). */
export const RELATION_OF: Record<Permission, 'viewer' | 'editor' | 'owner'> = {
  read: 'viewer',
  write: 'editor',
  execute: 'owner',
  share: 'owner',
};

/** Where and when a question is asked. */
export interface Asking {
  readonly tx: Tx;
  readonly now: number;
  readonly cache: GrantCache;
  readonly limits: Pick<Limits, 'CHECK_NODES'>;
}

export interface AccessQuestion extends Asking {
  readonly zone: ZoneRow;
  readonly caller: Caller;
  readonly context: CallContext;
}

/** What conditions may ask for in an enforced call (access.md §7). */
export const contextOf = ({ context, caller, now }: Pick<AccessQuestion, 'context' | 'caller' | 'now'>): Context => ({
  ip: context.address,
  now: new Date(now).toISOString(),
  channel: context.channel,
  agent_id: caller.agent_id,
});

/** The subjects whose grants the caller has. */
export const subjectsOf = (caller: Caller): SubjectText[] => [
  [caller.subject_type, caller.subject_id],
  ...(caller.inherit_permissions ? [['user', caller.user_id] as const] : []),
];

/** Who is asked about, and where. */
export interface About {
  readonly zone: GraphZone;
  /** Zone of the subjects. */
  readonly home: GraphZone;
  readonly subjects: readonly SubjectText[];
  readonly context: () => Context;
}

export interface Asked extends Evaluation {
  readonly zone: ZoneGraph;
  readonly reliance: Reliance;
  /** The graphs were known, so no row was read. */
  readonly cached: boolean;
}

/** Everything at hand to decide about a subject. The graphs may go forward while others are awaited: ask at once. */
export async function askAbout(asking: Asking, about: About): Promise<Asked> {
  const { tx, now, cache, limits } = asking;
  const { zone, home, subjects } = about;
  const own = await cache.graphs.at(tx, home);
  const found = home.zone_id === zone.zone_id ? own : await cache.graphs.at(tx, zone);
  const cached = own.cached && found.cached;
  if (cached) cache.hits++;
  else cache.misses++;
  const reliance = new Reliance(now, about.context);
  const budget = new NodeBudget(limits.CHECK_NODES);
  const { graph, plans } = found.zone;
  const known = closureIn(own.zone, { reliance, budget, subjects });
  const closure =
    own === found ? known : asGuests(known, { from: own.zone.graph, to: graph, zone: home.zone_id }, subjects);
  return { zone: found.zone, graph, plans, closure, reliance, mode: 'context', budget, cached };
}

/** Subjects whose closure one graph keeps. */
const CLOSURES_KEPT = 10_000;

function closureIn(
  zone: ZoneGraph,
  of: { readonly reliance: Reliance; readonly budget: NodeBudget; readonly subjects: readonly SubjectText[] },
): Closure {
  const key = keyOf(of.subjects);
  const known = zone.closures.get(key);
  if (known) return known;
  const closure = closureOf({ graph: zone.graph, mode: 'context', ...of }, of.subjects);
  if (zone.closures.size >= CLOSURES_KEPT) zone.closures.clear();
  if (of.reliance.none) zone.closures.set(key, closure);
  return closure;
}

/** A type holds no space and begins with no bracket. */
function keyOf(subjects: readonly SubjectText[]): string {
  const [first, ...more] = subjects;
  return first && more.length === 0 && first.length === 2 ? `${first[0]} ${first[1]}` : JSON.stringify(subjects);
}

const askings = new WeakMap<Access, AccessQuestion>();

/** Where and when the calls that were given this access ask. */
export function askingOf(access: Access): AccessQuestion {
  const asking = askings.get(access);
  if (!asking) throw new Error('an access that was not made here');
  return asking;
}

/** Zone of the caller, as this transaction has it. */
async function homeOf({ tx, zone, caller }: AccessQuestion): Promise<GraphZone> {
  if (caller.zone_id === zone.zone_id) return zone;
  return (await findZone(tx, caller.zone_id)) ?? { zone_id: caller.zone_id, access_revision: 0 };
}

/** Everything at hand to decide about the caller in the zone of the call. */
export async function askAboutCaller(question: AccessQuestion): Promise<Asked> {
  const { zone, caller } = question;
  const home = await homeOf(question);
  return askAbout(question, { zone, home, subjects: subjectsOf(caller), context: () => contextOf(question) });
}

/** A check that takes too much is a denial (access.md §10). */
async function orDenied<T>(decide: () => Promise<T>, denial: T): Promise<T> {
  try {
    return await decide();
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code === 'LIMIT_EXCEEDED') return denial;
    throw thrown;
  }
}

const NO_PATHS = pathSet([]);

async function pathsOf(
  question: AccessQuestion,
  name: 'viewer' | 'editor',
): Promise<{ set: PathSet; cached: boolean }> {
  const { cache, zone, caller, now } = question;
  const home = await homeOf(question);
  const key = JSON.stringify([zone.zone_id, home.zone_id, subjectsOf(caller), name]);
  const { ip, channel, agent_id } = contextOf(question);
  const context = JSON.stringify([ip, channel, agent_id]);
  const at = { revisions: `${zone.access_revision} ${home.access_revision}`, now, context };
  const known = cache.find(key, at);
  if (known) return { set: known, cached: true };
  return orDenied(
    async () => {
      const asked = await askAboutCaller(question);
      const set = pathSet(pathsWith(asked, name));
      cache.keep(key, { ...at, set, validity: asked.reliance });
      return { set, cached: asked.cached };
    },
    { set: NO_PATHS, cached: false },
  );
}

/** The caller's access in the zone of a call. */
export function accessOf(question: AccessQuestion): Access {
  const { cache, caller, zone } = question;
  const admin = isZoneAdmin(caller, zone.zone_id);
  const allows = async (permission: Permission, path: string): Promise<boolean> => {
    if (admin) return cache.decided(true, false);
    const decide = async () => {
      const asked = await askAboutCaller(question);
      return { held: holdsName(asked, permission, placeOf(asked.graph, 'file', path)), cached: asked.cached };
    };
    const { held, cached } = await orDenied(decide, { held: false, cached: false });
    return cache.decided(held, cached);
  };
  const paths = async (name: 'viewer' | 'editor'): Promise<PathSet> => {
    if (admin) return cache.counting(everyPath, false);
    const { set, cached } = await pathsOf(question, name);
    return cache.counting(set, cached);
  };
  const access: Access = {
    require: async (needs) => {
      for (const need of needs) {
        if (!(await allows(need.permission, need.path))) throw denied(need, question.context);
      }
    },
    allows,
    readable: () => paths('viewer'),
    writable: () => paths('editor'),
  };
  askings.set(access, question);
  return access;
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
