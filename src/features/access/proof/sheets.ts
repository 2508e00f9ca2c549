/**
 * The rules of a type made ready for showing that a relation does not hold: of each name, everything that it could come
 * from. Pure. Unlike plans, which fold names into one another, a sheet keeps every name apart, as proofs have them.
 */
import type { Numbers } from '../schema/plans.ts';
import { FOLDER, PARENT, partsOf, type Rule } from '../schema/rules.ts';
import type { Schema } from '../schema/schema.ts';

export interface From {
  /** Number of the relation whose tuples lead on; -1: the folder does. */
  readonly tupleset: number;
  readonly up: boolean;
  readonly name: string;
}

/** One name of a type. */
export interface Entry {
  readonly relation: string;
  readonly rule: Rule;
  /** Its rule has an intersection or an exclusion in it, and what is below is empty. */
  readonly guarded: boolean;
  /** Do tuples with the relation lead to the sets that they name? */
  readonly takes: boolean;
  /** Names of the same object, each once. */
  readonly locals: readonly number[];
  /** Names that give it where the folder has them, each once. */
  readonly folders: readonly number[];
  /** The same of what tuples lead to. */
  readonly froms: readonly From[];
  /** It has neither locals nor folders. */
  readonly bare: boolean;
  /** All names of the same object that it leads to over names that are not guarded, itself the first. */
  readonly reach: readonly number[];
  /** The same, by name. */
  readonly reaches: readonly boolean[];
}

export interface Sheet {
  readonly type: string;
  readonly entries: readonly Entry[];
  /** Of a name; undefined where the type has none such. */
  find(name: string): number | undefined;
  /** By number of a relation. */
  readonly byNumber: readonly (number | undefined)[];
}

export type Sheets = ReadonlyMap<string, Sheet>;

export function sheetsOf(schema: Schema, numbers: Numbers): Sheets {
  return new Map([...schema.types].map(([type, relations]) => [type, sheetOf(type, relations, numbers)]));
}

function sheetOf(type: string, relations: ReadonlyMap<string, Rule>, numbers: Numbers): Sheet {
  const names = [...relations.keys()];
  const index = new Map(names.map((name, at) => [name, at]));
  const byNumber: (number | undefined)[] = [];
  for (const [at, name] of names.entries()) byNumber[numbers.number(name)] = at;
  const locals = names.map((name) => {
    const rule = relations.get(name);
    return rule && !isGuarded(rule) ? localsOf(rule, index) : [];
  });
  const entries = [...relations].map(([relation, rule], at): Entry => {
    const guarded = isGuarded(rule);
    const parts = guarded ? [] : [...partsOf(rule)];
    const reach = new Set([at]);
    for (const one of reach) for (const local of locals[one] ?? []) reach.add(local);
    const all = parts.flatMap((part) => ('from' in part ? [fromOf(part.from, type, numbers)] : []));
    const folders = all.flatMap(({ tupleset, name }) => (tupleset < 0 ? (index.get(name) ?? []) : []));
    const froms = all.filter(({ tupleset }) => tupleset >= 0);
    return {
      relation,
      rule,
      guarded,
      takes: parts.some((part) => 'this' in part),
      locals: locals[at] ?? [],
      folders: [...new Set(folders)],
      froms,
      bare: locals[at]?.length === 0 && folders.length === 0,
      reach: [...reach],
      reaches: names.map((_, other) => reach.has(other)),
    };
  });
  return { type, entries, find: (name) => index.get(name), byNumber };
}

const isGuarded = (rule: Rule): boolean =>
  [...partsOf(rule)].some((part) => 'intersection' in part || 'exclusion' in part);

const localsOf = (rule: Rule, index: ReadonlyMap<string, number>): number[] => [
  ...new Set([...partsOf(rule)].flatMap((part) => ('computed' in part ? (index.get(part.computed) ?? []) : []))),
];

export const fromOf = ([tupleset, name]: readonly [string, string], type: string, numbers: Numbers): From =>
  tupleset === FOLDER && type === 'file'
    ? { tupleset: -1, up: false, name }
    : { tupleset: numbers.number(tupleset), up: tupleset === PARENT, name };
