/**
 * Proofs of random decisions are accepted by the checker that is published with the client, and rejected after any one of
 * their fields has changed. `NEXUS_TEST_ROUNDS` multiplies the rounds.
 */
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Explanation, type ProofWorld, verifyExplanation } from '../../../../client/index.ts';
import {
  ask,
  CONTEXTS,
  denseTuples,
  groups,
  guardedSchemas,
  idOf,
  NOW,
  ROUNDS,
  runSteps,
  schemaOf,
  schemas,
  tuples,
  twinSchemas,
  users,
} from '../../../../test/model/access-worlds.ts';
import type { NaiveTuple } from '../../../../test/model/naive-access.ts';
import { type Context, conditionsHold } from '../conditions/conditions.ts';
import { holdsName, placeOf } from '../evaluate/evaluator.ts';
import type { Types } from '../schema/rules.ts';
import { typesOf } from '../schema/schema.ts';
import { explain } from './explain.ts';

const goals = fc.oneof(
  fc
    .tuple(fc.constantFrom('read', 'owner', 'editor', 'x'), fc.constantFrom('/', '/x', '/x/y', '/x/y/z'))
    .map(([name, id]) => ({ name, type: 'file', id })),
  fc
    .tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'viewer'), fc.constantFrom('1', '2', '3'))
    .map(([name, id]) => ({ name, type: 'doc', id })),
  fc.tuple(fc.constant('member'), fc.constantFrom('g', 'h')).map(([name, id]) => ({ name, type: 'group', id })),
);

interface Known {
  /** What the answer says elsewhere, which a forger would take. */
  readonly words: readonly string[];
  readonly types: Types;
}

interface Change {
  apply(): void;
  undo(): void;
  /** What it makes may be as true. */
  readonly twin: boolean;
}

/** What changes a value inside, one after the other, in place. */
function* changes(value: unknown, known: Known): Generator<Change> {
  if (typeof value !== 'object' || value === null) return;
  const holder = value as Record<string, unknown>;
  for (const [field, before] of Object.entries(holder)) {
    const names = field === 'relation' ? otherNames(holder, known) : [];
    for (const after of [...othersThan(before, known.words), ...names]) {
      const twin = field === 'relation' && isTwin(holder, after, known);
      const set = (to: unknown) => () => {
        holder[field] = to;
      };
      yield { apply: set(after), undo: set(before), twin };
    }
    yield* changes(before, known);
  }
}

/** Names of the schema in the place of another. */
const otherNames = ({ object, relation }: Record<string, unknown>, { types }: Known): string[] =>
  Array.isArray(object) ? Object.keys(types[object[0]] ?? {}).filter((name) => name !== relation) : [];

/**
 * Where what is `b` or `c` is `d`, and `b` and `c` both mean `a`, then `d` by way of `b` and `d` by way of `c` are two true
 * proofs that differ in one word, and neither is a forgery of the other.
 */
function isTwin({ object, relation, rule }: Record<string, unknown>, other: unknown, { types }: Known): boolean {
  if (!Array.isArray(object) || !['computed', 'from', 'folder'].includes(String(rule))) return false;
  const names = types[object[0]] ?? {};
  return isDeepStrictEqual(names[String(relation)], names[String(other)]);
}

function othersThan(value: unknown, words: readonly string[]): unknown[] {
  if (typeof value === 'string') {
    const next = words[(words.indexOf(value) + 1) % words.length];
    return [`${value}x`, '', next].filter((other) => other !== value);
  }
  if (typeof value === 'number') return [value + 1];
  if (typeof value === 'boolean') return [!value];
  if (Array.isArray(value))
    return [[...value, 'x'], [...value, ...value], value.slice(0, -1)].filter((other) => other.length !== value.length);
  return [value === null ? 'x' : null];
}

/** Every text inside, each once. */
const wordsOf = (value: unknown): string[] => [
  ...new Set(
    JSON.stringify(value)
      .match(/"(?:[^"\\\\]|\\\\.)*"(?!:)/g)
      ?.map((text): string => JSON.parse(text)) ?? [],
  ),
];

/** Tuples of a model as the zone tells of them. */
const asTold = (tuples: readonly NaiveTuple[]): ProofWorld['tuples'] =>
  tuples
    .map((tuple) => ({
      tuple_id: idOf(tuple),
      subject: tuple.subject.filter((part) => part !== undefined),
      relation: tuple.relation,
      object: tuple.object,
      expires_at: tuple.expires_at == null ? null : new Date(tuple.expires_at).toISOString(),
      conditions: (tuple.conditions ?? null) as never,
    }))
    .sort((a, b) => (a.tuple_id < b.tuple_id ? -1 : 1));

/** Times 50 worlds. */
const ASSERTS_MAX = 40;

/** What proofs are made of; each has to come up. */
const KINDS = ['this', 'wildcard', 'group', 'computed', 'from', 'folder', 'union', 'intersection', 'exclusion'];
const PARTS = [...KINDS.map((kind) => `"rule":"${kind}"`), '"conditions":{', '"visited"', '"refuted"', '"denied"'];

test('the checker is a program of at most 50 lines, which takes nothing from elsewhere', () => {
  const source = readFileSync(new URL('../../../../client/proof.ts', import.meta.url), 'utf8').split('\n');
  const code = source.filter((line) => !/^\s*($|\/\*\*|\/\/|import type )/.test(line));
  expect(code.length).toBeLessThanOrEqual(50);
  expect(code.filter((line) => line.includes('import'))).toEqual([]);
  expect(Math.max(...code.map((line) => line.length))).toBeLessThanOrEqual(120);
});

test(
  'every proof is accepted, and none after a field of it has changed, unless to another true one',
  () => {
    const run = (some: typeof tuples) => fc.array(fc.tuple(fc.constant(true), some), { minLength: 8, maxLength: 25 });
    const worlds = fc.oneof(
      fc.tuple(schemas, run(tuples)),
      fc.tuple(fc.oneof(guardedSchemas, twinSchemas), run(denseTuples)),
    );
    const subjects = fc.oneof(users, groups);
    const outcomes = { allowed: 0, denied: 0, changed: 0 };
    const met = new Set<string>();
    const property = fc.property(
      worlds,
      subjects,
      fc.array(goals, { minLength: 3, maxLength: 3 }),
      fc.constantFrom(...CONTEXTS),
      ([given, steps], subject, asked, context) => {
        const schema = schemaOf(given);
        fc.pre(schema !== undefined);
        const { zone, tuples } = runSteps(schema, steps);
        const whole: Context = JSON.parse(JSON.stringify({ ...context, now: new Date(NOW).toISOString() }));
        for (const { name, type, id } of asked) {
          if (!schema.types.get(type)?.has(name)) continue;
          const evaluation = { ...ask(zone, subject, { now: NOW, context }), zone, cached: true };
          const { allowed, path, whole: proof } = explain(evaluation, { subject, name, object: { type, id } });
          expect(allowed).toBe(holdsName(evaluation, name, placeOf(zone.graph, type, id)));
          const header = {
            subject,
            permission: name,
            object: [type, id],
            revision: zone.revision,
            now: whole.now,
            context: whole,
          };
          // As it comes over the wire: no part of it is another part, too.
          const told: Explanation = JSON.parse(JSON.stringify({ allowed, ...header, successful_path: path, proof }));
          const world: ProofWorld = {
            header,
            subject,
            goal: { object: [type, id], relation: name },
            now: String(whole.now),
            types: typesOf(schema),
            tuples: asTold(tuples),
            holds: (conditions) => conditionsHold(conditions, whole),
          };
          expect([told, verifyExplanation(told, world)]).toEqual([told, true]);
          outcomes[allowed ? 'allowed' : 'denied']++;
          const text = JSON.stringify(told);
          for (const part of PARTS) if (text.includes(part)) met.add(part);
          for (const change of changes(told, { words: wordsOf(told), types: world.types })) {
            change.apply();
            if (verifyExplanation(told, world) && !change.twin) expect(told).toBe('rejected');
            change.undo();
            outcomes.changed++;
          }
        }
      },
    );
    // Random worlds have each part sooner or later.
    for (let n = 0; n < 2 * ROUNDS || (n < ASSERTS_MAX && met.size < PARTS.length); n++)
      fc.assert(property, { numRuns: 50 });
    expect(Math.min(outcomes.allowed, outcomes.denied)).toBeGreaterThan(0);
    expect([...met].toSorted()).toEqual(PARTS.toSorted());
  },
  180_000 * ROUNDS,
);
