/**
 * May this caller read, write or share this path? Decided by the one evaluator on the graph of the zone, as the snapshot of
 * the call has it. Guarantees: what is kept is used only at the access revisions it was made at, within the times it relied
 * on, and for the context it was made in if it looked at that.
 */
import { Fault } from '../../base/faults.ts';
import type { Limits } from '../../base/limits.ts';
import type { Access, Need, PathSet, Permission } from '../../core/call/access.ts';
import type { CallContext, Caller, ZoneRow } from '../../core/operation.ts';
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

/**
 * Everything at hand to decide about a subject; a promise where rows have to be read. The graphs may go forward while others
 * are awaited: ask at once.
 */
export function askAbout(asking: Asking, about: About): Asked | Promise<Asked> {
  const { graphs } = asking.cache;
  const { zone, home } = about;
  const own = graphs.known(home);
  const found = home.zone_id === zone.zone_id ? own : graphs.known(zone);
  return own && found ? askIn(asking, about, { own, found, cached: true }) : readToAsk(asking, about);
}

async function readToAsk(asking: Asking, about: About): Promise<Asked> {
  const { tx, cache } = asking;
  const { zone, home } = about;
  const own = await cache.graphs.at(tx, home);
  const found = home.zone_id === zone.zone_id ? own : await cache.graphs.at(tx, zone);
  return askIn(asking, about, { own: own.zone, found: found.zone, cached: own.cached && found.cached });
}

interface Graphs {
  readonly own: ZoneGraph;
  readonly found: ZoneGraph;
  readonly cached: boolean;
}

function askIn({ now, cache, limits }: Asking, about: About, { own, found, cached }: Graphs): Asked {
  if (cached) cache.hits++;
  else cache.misses++;
  const { home, subjects } = about;
  const reliance = new Reliance(now, about.context);
  const budget = new NodeBudget(limits.CHECK_NODES);
  const { graph, plans } = found;
  const known = closureIn(own, { reliance, budget, subjects });
  const closure = own === found ? known : asGuests(known, { from: own.graph, to: graph, zone: home.zone_id }, subjects);
  return { zone: found, graph, plans, closure, reliance, mode: 'context', budget, cached };
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

/** Where and when the calls that were given this access ask. */
export function askingOf(access: Access): AccessQuestion {
  if (!(access instanceof CallerAccess)) throw new Error('an access that was not made here');
  return access.question;
}

/** Zone of the caller, as this transaction has it. */
function homeOf({ tx, zone, caller }: AccessQuestion): GraphZone | Promise<GraphZone> {
  if (caller.zone_id === zone.zone_id) return zone;
  return findZone(tx, caller.zone_id).then((home) => home ?? { zone_id: caller.zone_id, access_revision: 0 });
}

/** Everything at hand to decide about the caller in the zone of the call. */
export function askAboutCaller(question: AccessQuestion): Asked | Promise<Asked> {
  const { zone, caller } = question;
  const ask = (home: GraphZone): Asked | Promise<Asked> =>
    askAbout(question, { zone, home, subjects: subjectsOf(caller), context: () => contextOf(question) });
  const home = homeOf(question);
  return home instanceof Promise ? home.then(ask) : ask(home);
}

/** A check that takes too much is a denial (access.md §10). */
function orDenied<T>(thrown: unknown, denial: T): T {
  if (thrown instanceof Fault && thrown.code === 'LIMIT_EXCEEDED') return denial;
  throw thrown;
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
  try {
    const asked = await askAboutCaller(question);
    const set = pathSet(pathsWith(asked, name));
    cache.keep(key, { ...at, set, validity: asked.reliance });
    return { set, cached: asked.cached };
  } catch (thrown) {
    return orDenied(thrown, { set: NO_PATHS, cached: false });
  }
}

/** The caller's access in the zone of a call. */
export class CallerAccess implements Access {
  readonly question: AccessQuestion;
  private readonly admin: boolean;
  private readonly met: Need[] | undefined;

  /** What is required and held is added to `met`. */
  constructor(question: AccessQuestion, met?: Need[]) {
    this.question = question;
    this.met = met;
    this.admin = isZoneAdmin(question.caller, question.zone.zone_id);
  }

  async require(needs: readonly Need[]): Promise<void> {
    for (const need of needs) {
      const allowed = this.decide(need.permission, need.path);
      if (!(allowed === true || (await allowed))) throw denied(need, this.question.context);
      this.met?.push(need);
    }
  }

  async allows(permission: Permission, path: string): Promise<boolean> {
    return this.decide(permission, path);
  }

  readable(): Promise<PathSet> {
    return this.paths('viewer');
  }

  writable(): Promise<PathSet> {
    return this.paths('editor');
  }

  private async paths(name: 'viewer' | 'editor'): Promise<PathSet> {
    const { cache } = this.question;
    if (this.admin) return cache.counting(everyPath, false);
    const { set, cached } = await pathsOf(this.question, name);
    return cache.counting(set, cached);
  }

  /** At once where no row has to be read. */
  private decide(permission: Permission, path: string): boolean | Promise<boolean> {
    const { cache } = this.question;
    if (this.admin) return cache.decided(true, false);
    const refuse = (thrown: unknown): boolean => cache.decided(orDenied(thrown, false), false);
    const answer = (asked: Asked): boolean =>
      cache.decided(holdsName(asked, permission, placeOf(asked.graph, 'file', path)), asked.cached);
    try {
      const asked = askAboutCaller(this.question);
      return asked instanceof Promise ? asked.then(answer).catch(refuse) : answer(asked);
    } catch (thrown) {
      return refuse(thrown);
    }
  }
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
