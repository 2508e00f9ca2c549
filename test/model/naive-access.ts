/**
 * Relations by brute force: everything that one subject holds anywhere, worked out by applying every rule to every object
 * again until nothing changes, stratum by stratum. Slow, and short enough to be seen to be right.
 */
import { type Rule, subjectsOfRule, type Types } from '../../src/features/access/schema/rules.ts';

export interface NaiveTuple {
  readonly subject: readonly [string, string, string?];
  readonly relation: string;
  readonly object: readonly [string, string];
  readonly expires_at?: number | null;
  readonly conditions?: Readonly<Record<string, unknown>> | null;
}

export interface NaiveWorld {
  readonly types: Types;
  readonly tuples: readonly NaiveTuple[];
  readonly now: number;
  readonly context: Readonly<Record<string, unknown>>;
}

type Thing = readonly [string, string];
const key = (type: string, id: string, name: string): string => JSON.stringify([type, id, name]);

const foldersOf = (path: string): string[] =>
  path === '/'
    ? []
    : path
        .split('/')
        .slice(1)
        .map((_, i, all) => `/${all.slice(0, i).join('/')}`);

/** Dotted IPv4 within a CIDR, the only addresses that the random worlds have. */
function inRange(ip: string, cidr: string): boolean {
  const [base = '', bits = '32'] = cidr.split('/');
  const number = (text: string): number => text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  const size = 2 ** (32 - Number(bits));
  return Math.floor(number(ip) / size) === Math.floor(number(base) / size);
}

function effective({ now, context }: NaiveWorld, { expires_at, conditions }: NaiveTuple): boolean {
  if (expires_at != null && now >= expires_at) return false;
  return Object.entries(conditions ?? {}).every(([name, value]) => {
    if (name === 'ip_range') return typeof context.ip === 'string' && inRange(context.ip, value as string);
    if (name === 'time_window') {
      const { start, end } = value as { start?: string; end?: string };
      return (!start || Date.parse(start) <= now) && (!end || now < Date.parse(end));
    }
    return name in context && JSON.stringify(context[name]) === JSON.stringify(value);
  });
}

/** Everything that a subject holds, as `key(type, id, name)`. */
export function naiveHeld(world: NaiveWorld, subject: Thing, asked: readonly Thing[]): Set<string> {
  const tuples = world.tuples.filter((tuple) => effective(world, tuple));
  const things = new Map<string, Thing>();
  const meet = (type: string, id: string): unknown => things.set(`${type}:${id}`, [type, id]);
  for (const {
    subject: [type, id],
    object,
  } of tuples) {
    meet(type, id);
    meet(...(object as [string, string]));
  }
  for (const [type, id] of asked) meet(type, id);
  for (const [type, id] of [...things.values()])
    if (type === 'file') for (const above of foldersOf(id)) meet(type, above);
  const held = new Set<string>();
  for (const names of strata(world.types)) {
    for (let size = -1; size !== held.size; ) {
      size = held.size;
      for (const [type, id] of things.values()) {
        for (const name of names.get(type) ?? []) {
          const rule = world.types[type]![name]!;
          if (applies(rule, { world, tuples, held, subject, type, id, name })) held.add(key(type, id, name));
        }
      }
    }
  }
  return held;
}

interface At {
  readonly world: NaiveWorld;
  readonly tuples: readonly NaiveTuple[];
  readonly held: ReadonlySet<string>;
  readonly subject: Thing;
  readonly type: string;
  readonly id: string;
  readonly name: string;
}

function applies(rule: Rule, at: At): boolean {
  const { tuples, held, subject, type, id, name } = at;
  const on = (relation: string) =>
    tuples.filter((tuple) => tuple.relation === relation && tuple.object[0] === type && tuple.object[1] === id);
  if ('this' in rule) {
    return on(name).some(({ subject: [ofType, ofId, set] }) => {
      const relation = set ?? (ofType === 'group' ? 'member' : undefined);
      if (ofType === '*') return true;
      if (ofId === '*' && ofType !== 'file') return relation === undefined && ofType === subject[0];
      if ((set === undefined || ofType === 'group') && ofType === subject[0] && ofId === subject[1]) return true;
      return relation !== undefined && held.has(key(ofType, ofId, relation));
    });
  }
  if ('computed' in rule) return held.has(key(type, id, rule.computed));
  if ('union' in rule) return rule.union.some((part) => applies(part, at));
  if ('intersection' in rule) return rule.intersection.every((part) => applies(part, at));
  if ('exclusion' in rule) return applies(rule.exclusion[0], at) && !applies(rule.exclusion[1], at);
  const [tupleset, wanted] = rule.from;
  if (tupleset === 'folder')
    return foldersOf(id)
      .slice(-1)
      .some((above) => held.has(key('file', above, wanted)));
  if (tupleset !== 'parent') return on(tupleset).some(({ subject: [t, i] }) => held.has(key(t, i, wanted)));
  return tuples.some(
    ({ relation, subject: [t, i], object }) =>
      relation === 'parent' && t === type && i === id && held.has(key(object[0], object[1], wanted)),
  );
}

/** Names by type, in the order in which they can be worked out: a minus before what it is taken from. */
function strata(types: Types): Map<string, string[]>[] {
  const level = new Map<string, number>();
  const all = Object.entries(types).flatMap(([type, names]) =>
    Object.entries(names).map(([name, rule]) => ({ type, name, rule })),
  );
  const of = (rule: Rule, type: string, subjects: readonly string[]): number => {
    if ('this' in rule)
      return Math.max(0, ...subjects.map((one) => level.get(one === 'group' ? 'group#member' : one) ?? 0));
    if ('computed' in rule) return level.get(`${type}#${rule.computed}`) ?? 0;
    if ('from' in rule) return Math.max(...Object.keys(types).map((one) => level.get(`${one}#${rule.from[1]}`) ?? 0));
    if ('union' in rule) return Math.max(...rule.union.map((part) => of(part, type, subjects)));
    if ('intersection' in rule) return Math.max(...rule.intersection.map((part) => of(part, type, subjects)));
    return Math.max(of(rule.exclusion[0], type, subjects), of(rule.exclusion[1], type, subjects) + 1);
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (const { type, name, rule } of all) {
      const now = of(rule, type, subjectsOfRule(rule) ?? []);
      changed ||= now !== (level.get(`${type}#${name}`) ?? 0);
      level.set(`${type}#${name}`, now);
    }
  }
  const sorted: Map<string, string[]>[] = [];
  for (const { type, name } of all) {
    const at = level.get(`${type}#${name}`) ?? 0;
    const names = sorted[at] ?? new Map<string, string[]>();
    sorted[at] = names;
    names.set(type, [...(names.get(type) ?? []), name]);
  }
  return sorted.filter(Boolean);
}

export const naiveHolds = (world: NaiveWorld, [subject, name, object]: readonly [Thing, string, Thing]): boolean =>
  naiveHeld(world, subject, [object]).has(key(object[0], object[1], name));
