/**
 * Proofs of random decisions are accepted by the checker that is published with the client, and rejected after any one of
 * their fields has changed. `NEXUS_TEST_ROUNDS` multiplies the rounds.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Explanation, type ProofWorld, verifyExplanation } from '../../../../client/index.ts';
import {
  ask,
  CONTEXTS,
  groups,
  idOf,
  NOW,
  ROUNDS,
  runSteps,
  schemaOf,
  schemas,
  tuples,
  users,
} from '../../../../test/model/access-worlds.ts';
import { type Context, conditionsHold } from '../conditions/conditions.ts';
import { holdsName, placeOf } from '../evaluate/evaluator.ts';
import { typesOf } from '../schema/schema.ts';
import { explain } from './explain.ts';

const goals = fc.oneof(
  fc
    .tuple(fc.constantFrom('read', 'owner', 'editor', 'x'), fc.constantFrom('/', '/x', '/x/y', '/x/y/z'))
    .map(([name, id]) => ({ name, type: 'file', id })),
  fc
    .tuple(fc.constantFrom('a', 'b', 'c', 'd', 'viewer'), fc.constantFrom('1', '2', '3'))
    .map(([name, id]) => ({ name, type: 'doc', id })),
  fc.tuple(fc.constant('member'), fc.constantFrom('g', 'h')).map(([name, id]) => ({ name, type: 'group', id })),
);

/** Every value inside, with what changes it in place and back. */
function* changes(value: unknown): Generator<() => () => void> {
  if (typeof value !== 'object' || value === null) return;
  const holder = value as Record<string, unknown>;
  for (const [field, before] of Object.entries(holder)) {
    for (const after of othersThan(before)) {
      yield () => {
        holder[field] = after;
        return () => {
          holder[field] = before;
        };
      };
    }
    yield* changes(before);
  }
}

function othersThan(value: unknown): unknown[] {
  if (typeof value === 'string') return [`${value}x`, ''].filter((other) => other !== value);
  if (typeof value === 'number') return [value + 1];
  if (typeof value === 'boolean') return [!value];
  if (Array.isArray(value)) return [[...value, 'x'], ...(value.length > 0 ? [value.slice(0, -1)] : [])];
  return [value === null ? 'x' : null];
}

test(
  'every proof is accepted, and none after a field of it has changed',
  () => {
    const steps = fc.array(fc.tuple(fc.constant(true), tuples), { minLength: 8, maxLength: 25 });
    const subjects = fc.oneof(users, groups);
    const outcomes = { allowed: 0, denied: 0, changed: 0 };
    fc.assert(
      fc.property(
        schemas,
        steps,
        subjects,
        fc.array(goals, { minLength: 3, maxLength: 3 }),
        fc.constantFrom(...CONTEXTS),
        (given, run, subject, asked, context) => {
          const schema = schemaOf(given);
          fc.pre(schema !== undefined);
          const { zone, tuples } = runSteps(schema, run);
          const whole: Context = JSON.parse(JSON.stringify({ ...context, now: new Date(NOW).toISOString() }));
          for (const { name, type, id } of asked) {
            if (!schema.types.get(type)?.has(name)) continue;
            const evaluation = { ...ask(zone, subject, { now: NOW, context }), zone, cached: true };
            const allowed = holdsName(evaluation, name, placeOf(zone.graph, type, id));
            const { path, whole: proof } = explain(evaluation, { subject, name, object: { type, id }, allowed });
            const header = {
              subject,
              permission: name,
              object: [type, id],
              revision: zone.revision,
              now: whole.now,
              context: whole,
            };
            const told: Explanation = structuredClone({ allowed, ...header, successful_path: path, proof });
            const world: ProofWorld = {
              header,
              subject,
              goal: { object: [type, id], relation: name },
              now: String(whole.now),
              types: typesOf(schema),
              tuples: tuples
                .map((tuple) => ({
                  tuple_id: idOf(tuple),
                  subject: tuple.subject.filter((part) => part !== undefined),
                  relation: tuple.relation,
                  object: tuple.object,
                  expires_at: tuple.expires_at == null ? null : new Date(tuple.expires_at).toISOString(),
                  conditions: (tuple.conditions ?? null) as never,
                }))
                .sort((a, b) => (a.tuple_id < b.tuple_id ? -1 : 1)),
              holds: (conditions) => conditionsHold(conditions, whole),
            };
            expect([told, verifyExplanation(told, world)]).toEqual([told, true]);
            outcomes[allowed ? 'allowed' : 'denied']++;
            for (const change of changes(told)) {
              const undo = change();
              if (verifyExplanation(told, world)) expect(told).toBe('rejected');
              undo();
              outcomes.changed++;
            }
          }
        },
      ),
      { numRuns: 100 * ROUNDS },
    );
    expect(Math.min(outcomes.allowed, outcomes.denied)).toBeGreaterThan(20);
  },
  60_000 * ROUNDS,
);
