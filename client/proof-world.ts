/** What verifying a proof takes: what its asker knows of the question and the zone, and what tuples say there. */
import type { Lead, ProofTuple } from '../src/features/access/proof/proof.ts';
import type { Types } from '../src/features/access/schema/rules.ts';

export interface ProofWorld {
  /** Every field of the answer beside `allowed` and the proof, in their order, as they have to be. */
  readonly header: Readonly<Record<string, unknown>>;
  readonly subject: readonly string[];
  readonly goal: Lead;
  /** ISO 8601 in UTC. */
  readonly now: string;
  readonly types: Types;
  /** Every tuple of the zone at the revision, in order of id. */
  readonly tuples: readonly ProofTuple[];
  /** Do conditions of a tuple hold in the context of the question? */
  holds(conditions: NonNullable<ProofTuple['conditions']>): boolean;
}

/** The answer of `rebac_explain`. */
export interface Explanation {
  readonly allowed: boolean;
  readonly proof: unknown;
  readonly [field: string]: unknown;
}

/** JSON in which the order of names does not count. */
export const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );

export const same = (a: unknown, b: unknown): boolean => canonical(a) === canonical(b);

/** The value; throws where there is none. */
export function need<T>(value: T | undefined | null | false | ''): T {
  if (value === undefined || value === null || value === false || value === '') throw new Error('no proof');
  return value;
}

const setOf = ([type, , set]: readonly string[]): string => set ?? (type === 'group' ? 'member' : '');

/** The set of subjects that a tuple names. */
export const setLead = ({ subject }: ProofTuple): Lead => ({
  object: [subject[0] ?? '', subject[1] ?? ''],
  relation: setOf(subject),
});

export const counts = (tuple: ProofTuple, { now, holds }: ProofWorld): boolean =>
  (tuple.expires_at === null || now < tuple.expires_at) && (tuple.conditions === null || holds(tuple.conditions));

/** How the subject of a tuple stands to the one of the question; empty: not at all. */
export function naming(
  { subject: [type, id, set] }: ProofTuple,
  { subject }: ProofWorld,
): 'this' | 'wildcard' | 'group' | '' {
  const named = setOf([type ?? '', '', ...(set === undefined ? [] : [set])]);
  if (type === subject[0] && id === subject[1] && named === setOf(subject)) return 'this';
  if (type === '*' || (type === subject[0] && id === '*' && named === '')) return 'wildcard';
  return named === '' ? '' : 'group';
}

export const tuplesOn = ({ tuples }: ProofWorld, { object, relation }: Lead): ProofTuple[] =>
  tuples.filter((tuple) => tuple.relation === relation && same(tuple.object, object));

export interface Link {
  readonly to: Lead;
  /** None leads to the folder of a file. */
  readonly tuple?: ProofTuple;
}

/** Where a tupleset leads from an object, and by which tuples that count. */
export function links(world: ProofWorld, object: Lead['object'], [set, relation]: readonly [string, string]): Link[] {
  const [type, id] = object;
  if (set === 'folder') {
    const above = id.slice(0, Math.max(1, id.lastIndexOf('/')));
    return type === 'file' && id !== '/' ? [{ to: { object: [type, above], relation } }] : [];
  }
  const up = set === 'parent';
  return world.tuples
    .filter((one) => one.relation === set && same(up ? one.subject : one.object, object) && counts(one, world))
    .map((tuple) => ({ to: { object: up ? tuple.object : setLead(tuple).object, relation }, tuple }));
}
