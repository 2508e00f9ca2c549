/** What a schema is made of (access.md §7): types, their relations, and the rule of each. Pure. */
import { z } from 'zod';
import { holding } from '../../../base/json-object.ts';

/** How a relation comes to hold between a subject and an object. */
export type Rule =
  /** Tuples with this relation on the object, from subjects of these types; `*` for everybody, `type#relation` for sets. */
  | { readonly this: readonly string[] }
  /** Another relation of the same object. */
  | { readonly computed: string }
  /** The name on an object that a tuple of the first relation leads to. */
  | { readonly from: readonly [string, string] }
  | { readonly union: readonly Rule[] }
  | { readonly intersection: readonly Rule[] }
  /** The first without the second. */
  | { readonly exclusion: readonly [Rule, Rule] };

export type Relations = Readonly<Record<string, Rule>>;
export type Types = Readonly<Record<string, Relations>>;

/** `parent` leads from its subject, the child, to its object; every other tupleset from the object to its subjects. */
export const PARENT = 'parent';
/** Leads from a file to the folder it lies in, by their paths; no tuple has it. */
export const FOLDER = 'folder';
export const MEMBER = 'member';
/** Stands for every type, or every id of a type. */
export const EVERY = '*';

const name = z.string().regex(/^[a-z][a-z0-9_-]{0,62}$/, 'a name begins with a-z and has up to 63 of a-z 0-9 _ -');
const subjectType = z
  .string()
  .regex(/^(?:\*|[a-z][a-z0-9_-]{0,62}(?:#[a-z][a-z0-9_-]{0,62})?)$/, 'a type, type#relation or *');

const PARTS_MAX = 64;
const rule: z.ZodType<Rule> = z.lazy(() =>
  z.union([
    z.strictObject({ this: z.array(subjectType).max(PARTS_MAX) }),
    z.strictObject({ computed: name }),
    z.strictObject({ from: z.tuple([name, name], 'takes a list of two names: [tupleset, relation]') }),
    z.strictObject({ union: z.array(rule).min(1).max(PARTS_MAX) }),
    z.strictObject({ intersection: z.array(rule).min(1).max(PARTS_MAX) }),
    z.strictObject({
      exclusion: z.tuple([rule, rule], 'takes a list of two rules: who is meant, and who is left out'),
    }),
  ]),
);

z.globalRegistry.add(rule, { id: 'AccessRule' });

/** Names and rules together; more than the text of a schema may be long enough for. */
const VALUES_MOST = 20_000;

export const typesSchema: z.ZodType<Types> = holding(VALUES_MOST, z.record(name, z.record(name, rule)));

/** Every rule inside a rule, itself first. */
export function* partsOf(whole: Rule): Generator<Rule> {
  yield whole;
  const parts =
    'union' in whole
      ? whole.union
      : 'intersection' in whole
        ? whole.intersection
        : 'exclusion' in whole
          ? whole.exclusion
          : [];
  for (const part of parts) yield* partsOf(part);
}

/** The types of subjects whose tuples the relation takes; undefined where none is stored. */
export function subjectsOfRule(whole: Rule): readonly string[] | undefined {
  const all = [...partsOf(whole)].flatMap((part) => ('this' in part ? part.this : []));
  return all.length > 0 ? all : undefined;
}
