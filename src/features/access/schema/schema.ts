/**
 * The schema of a zone: the built-in types with what the zone added. Pure. Guarantees: built-in names mean what they
 * always do; no name in it is unknown; no relation depends on itself through the minus of an exclusion.
 */
import { isDeepStrictEqual } from 'node:util';
import { invalidParams } from '../../../base/faults.ts';
import { BUILT_IN, MODEL } from './built-in.ts';
import { FOLDER, partsOf, type Relations, type Rule, subjectsOfRule, type Types } from './rules.ts';

export interface Schema {
  readonly version: number;
  /** What the zone added. */
  readonly added: Types;
  readonly types: ReadonlyMap<string, ReadonlyMap<string, Rule>>;
}

const asMap = (relations: Relations): Map<string, Rule> => new Map(Object.entries(relations));

const BUILT_IN_NAMES = new Map(Object.entries(BUILT_IN).map(([type, relations]) => [type, asMap(relations)]));
const MODEL_NAMES = asMap(MODEL);

export function schemaWith(version: number, added: Types): Schema {
  const types = new Map(BUILT_IN_NAMES);
  for (const [type, relations] of Object.entries(added)) {
    const base = types.get(type) ?? MODEL_NAMES;
    types.set(type, new Map([...base, ...asMap(relations)]));
  }
  return { version, added, types };
}

/** As JSON, the built-in types among them. */
export const typesOf = (schema: Schema): Types =>
  Object.fromEntries([...schema.types].map(([type, relations]) => [type, Object.fromEntries(relations)]));

export const NO_SCHEMA = schemaWith(0, {});

const isStored = (rule: Rule): boolean => subjectsOfRule(rule) !== undefined;
const isNamed = (rule: Rule): boolean => !('this' in rule) || rule.this.length > 0;

const namesWhere = (schema: Schema, type: string, which: (rule: Rule) => boolean): string[] =>
  [...(schema.types.get(type) ?? [])].filter(([, rule]) => which(rule)).map(([name]) => name);

/** May tuples on the type have the relation? */
export function isStoredName(schema: Schema, type: string, name: string): boolean {
  const rule = schema.types.get(type)?.get(name);
  return rule !== undefined && isStored(rule);
}

/** May a check ask for it on the type? */
export function isAskedName(schema: Schema, type: string, name: string): boolean {
  const rule = schema.types.get(type)?.get(name);
  return rule !== undefined && isNamed(rule);
}

/** Relations that tuples on the type may have. */
export const storedNames = (schema: Schema, type: string): string[] => namesWhere(schema, type, isStored);

/** Relations and permissions that a check may ask for. */
export const askedNames = (schema: Schema, type: string): string[] => namesWhere(schema, type, isNamed);

const breach = (path: string, message: string) => invalidParams({ path: `types.${path}`, message });

/** The zone's additions from what a call gives: built-in names may be repeated as they are, and nothing else. */
export function additionsOf(given: Types): Types {
  const added: Record<string, Relations> = {};
  for (const [type, relations] of Object.entries(given)) {
    const built = BUILT_IN_NAMES.get(type);
    const own = Object.entries(relations).filter(([name, rule]) => {
      const fixed = (built ?? MODEL_NAMES).get(name);
      if (fixed && isDeepStrictEqual(fixed, rule)) return false;
      if (built?.has(name)) throw breach(`${type}.${name}`, 'is built in and cannot be changed');
      if (name === FOLDER) throw breach(`${type}.${name}`, 'is a word of its own: where a file lies');
      return true;
    });
    if (!built || own.length > 0) added[type] = Object.fromEntries(own);
  }
  return added;
}

/** INVALID_PARAMS that names the first thing wrong with a schema. */
export function checkSchema(schema: Schema): void {
  for (const [type, relations] of Object.entries(schema.added)) {
    for (const [name, rule] of Object.entries(relations)) {
      for (const part of partsOf(rule)) checkPart(schema, part, { type, at: `${type}.${name}` });
    }
  }
  checkMinus(schema);
}

const anyHas = (schema: Schema, name: string): boolean => [...schema.types.values()].some((one) => one.has(name));

function checkPart(schema: Schema, part: Rule, { type, at }: { type: string; at: string }): void {
  const own = schema.types.get(type);
  if ('this' in part) {
    if (part.this.length === 0) throw breach(at, 'this takes at least one type of subject');
    for (const subject of part.this) {
      const [of = '', relation] = subject.split('#');
      const known = of === '*' || schema.types.has(of);
      if (!known || (relation !== undefined && !schema.types.get(of)?.has(relation))) {
        throw breach(at, `${subject} is unknown; there are the types ${[...schema.types.keys(), '*'].join(', ')}`);
      }
    }
  }
  if ('computed' in part && !own?.has(part.computed)) {
    throw breach(at, `${part.computed} is unknown; ${type} has ${[...(own?.keys() ?? [])].join(', ')}`);
  }
  if (!('from' in part)) return;
  const [tupleset, name] = part.from;
  const leads = own?.get(tupleset);
  if (!leads || !('this' in leads))
    throw breach(at, `${tupleset} is unknown, or no relation of ${type} that tuples have`);
  if (!anyHas(schema, name)) throw breach(at, `${name} is unknown in every type`);
}

interface Leading {
  readonly schema: Schema;
  readonly type: string;
  /** Types of subjects of all tuples of the relation: wherever a part says `this`, it means all of them. */
  readonly subjects: readonly string[];
}

/** What each relation, as `type.name`, depends on; `minus` where that is through the minus of an exclusion. */
function* leadsOf(of: Leading, rule: Rule, minus = false): Generator<{ to: string; minus: boolean }> {
  if ('computed' in rule) yield { to: `${of.type}.${rule.computed}`, minus };
  if ('this' in rule) {
    for (const subject of of.subjects) {
      if (subject.includes('#')) yield { to: subject.replace('#', '.'), minus };
      if (subject === 'group') yield { to: 'group.member', minus };
    }
  }
  if ('from' in rule) {
    // Which types the tuples lead to is known when they are there.
    for (const [other, relations] of of.schema.types) {
      if (relations.has(rule.from[1])) yield { to: `${other}.${rule.from[1]}`, minus };
    }
  }
  if ('union' in rule) for (const part of rule.union) yield* leadsOf(of, part, minus);
  if ('intersection' in rule) for (const part of rule.intersection) yield* leadsOf(of, part, minus);
  if ('exclusion' in rule) {
    yield* leadsOf(of, rule.exclusion[0], minus);
    yield* leadsOf(of, rule.exclusion[1], true);
  }
}

function checkMinus(schema: Schema): void {
  const leads = new Map<string, { to: string; minus: boolean }[]>();
  for (const [type, relations] of schema.types) {
    for (const [name, rule] of relations) {
      const of = { schema, type, subjects: subjectsOfRule(rule) ?? [] };
      leads.set(`${type}.${name}`, [...leadsOf(of, rule)]);
    }
  }
  for (const [from, all] of leads) {
    for (const { to, minus } of all) {
      if (minus && reaches(leads, to, from)) throw breach(from, `depends on itself through the minus of an exclusion`);
    }
  }
}

function reaches(leads: ReadonlyMap<string, readonly { to: string }[]>, from: string, goal: string): boolean {
  const seen = new Set([from]);
  for (const at of seen) {
    if (at === goal) return true;
    for (const { to } of leads.get(at) ?? []) seen.add(to);
  }
  return false;
}
