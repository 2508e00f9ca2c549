/**
 * The evaluator against brute force, over random schemas, tuples, ends, conditions and changes: checks, the paths of a
 * subject, objects and subjects. `NEXUS_TEST_ROUNDS` multiplies the rounds.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  ask,
  CONTEXTS,
  docs,
  files,
  groups,
  HOUR,
  NOW,
  ROUNDS,
  runSteps,
  schemaOf,
  schemas,
  tuples,
  users,
} from '../../../../test/model/access-worlds.ts';
import { type NaiveTuple, type NaiveWorld, naiveHeld } from '../../../../test/model/naive-access.ts';
import type { ZoneGraph } from '../graph/zone-graphs.ts';
import { pathSet } from '../path-set.ts';
import { BUILT_IN } from '../schema/built-in.ts';
import { schemaWith, typesOf } from '../schema/schema.ts';
import { holdsName, placeOf } from './evaluator.ts';
import { objectsWith } from './objects.ts';
import { pathsWith } from './paths.ts';
import type { Mode } from './reliance.ts';
import { expand } from './subjects.ts';

const things = [
  ...['/', '/x', '/x/y', '/x/y/z', '/x/y/z/q', '/w', '/xw'].map((id) => ['file', id] as const),
  ...['1', '2', '3', '4', '5'].map((id) => ['doc', id] as const),
  ...['g', 'h', 'i'].map((id) => ['group', id] as const),
];

function compare(zone: ZoneGraph, world: NaiveWorld, subject: readonly [string, string]): void {
  const held = naiveHeld(world, subject, things);
  const at = { now: world.now, context: world.context };
  for (const [type, id] of things) {
    for (const asked of Object.keys(world.types[type] ?? {})) {
      const wanted = held.has(JSON.stringify([type, id, asked]));
      const found = holdsName(ask(zone, subject, at), asked, placeOf(zone.graph, type, id));
      if (found !== wanted) expect({ type, id, asked, found }).toEqual({ type, id, asked, found: wanted });
    }
  }
  for (const level of ['viewer', 'editor', 'owner'] as const) {
    const set = pathSet(pathsWith(ask(zone, subject, at), level));
    for (const [type, id] of things) {
      if (type === 'file')
        expect([level, id, set.has(id)]).toEqual([level, id, held.has(JSON.stringify([type, id, level]))]);
    }
  }
  for (const asked of ['viewer', 'a', 'c']) {
    const listed = objectsWith(ask(zone, subject, at), asked, 'doc')
      .map(([, id]) => id)
      .sort();
    expect([asked, listed]).toEqual([
      asked,
      ['1', '2', '3', '4', '5'].filter((id) => held.has(JSON.stringify(['doc', id, asked]))),
    ]);
  }
}

test(
  'checks, paths and objects agree with brute force after every change',
  () => {
    const steps = fc.array(fc.tuple(fc.boolean(), tuples), { minLength: 1, maxLength: 25 });
    const moment = fc.record({ hours: fc.integer({ min: -2, max: 2 }), context: fc.constantFrom(...CONTEXTS) });
    fc.assert(
      fc.property(
        schemas,
        steps,
        fc.array(fc.tuple(moment, fc.oneof(users, groups)), { minLength: 2, maxLength: 4 }),
        (given, run, asked) => {
          const schema = schemaOf(given);
          fc.pre(schema !== undefined);
          const { zone, tuples } = runSteps(schema, run);
          expect(zone.graph.size).toBe(tuples.length);
          for (const [{ hours, context }, subject] of asked) {
            compare(zone, { types: typesOf(schema), tuples, now: NOW + hours * HOUR, context }, subject);
          }
        },
      ),
      { numRuns: 300 * ROUNDS },
    );
  },
  60_000 * ROUNDS,
);

test(
  'who holds a name is everybody whom a check finds, and those whom it finds under conditions',
  () => {
    fc.assert(
      fc.property(fc.array(tuples, { maxLength: 20 }), fc.oneof(files, docs), (all, object) => {
        const known = all.filter(
          ({ relation, object: [type] }) => BUILT_IN[type === 'doc' ? 'document' : type]?.[relation],
        );
        const { zone } = runSteps(
          schemaWith(1, { doc: {} }),
          known.map((tuple) => [true, tuple]),
        );
        const at = { now: NOW, context: {} };
        const found = expand(ask(zone, ['user', 'nobody'], at), {
          name: 'viewer',
          place: placeOf(zone.graph, object[0], object[1]),
          limit: 100,
        });
        const sure = (subject: readonly [string, string], mode: Mode) =>
          holdsName(ask(zone, subject, { ...at, mode }), 'viewer', placeOf(zone.graph, object[0], object[1]));
        expect(found.everyone).toBe(sure(['*', '*'], 'never'));
        const named = new Set(found.subjects.concat(found.groups).map((pair) => pair.join(':')));
        const maybe = new Set(found.conditional.map((pair) => pair.join(':')));
        for (const subject of [
          ['user', 'u'],
          ['user', 'v'],
          ['agent', 'u'],
          ['group', 'g'],
          ['group', 'h'],
        ] as const) {
          const pair = subject.join(':');
          const wild = sure(['user', '*'], 'always') || sure(['*', '*'], 'always');
          if (named.has(pair)) expect(sure(subject, 'never')).toBe(true);
          if (maybe.has(pair)) expect([sure(subject, 'never'), sure(subject, 'always')]).toEqual([false, true]);
          if (!wild) expect([pair, named.has(pair) || maybe.has(pair)]).toEqual([pair, sure(subject, 'always')]);
        }
      }),
      { numRuns: 300 * ROUNDS },
    );
  },
  60_000 * ROUNDS,
);

test('a name that is stored as one without itself is refused by a limit', () => {
  const types = { doc: { c: { exclusion: [{ this: ['doc#c'] }, { this: ['user'] }] } } } as const;
  const itself: NaiveTuple = { subject: ['doc', '1', 'c'], relation: 'c', object: ['doc', '1'] };
  const { zone } = runSteps(schemaWith(1, types), [[true, itself]]);
  const holds = (): boolean =>
    holdsName(ask(zone, ['user', 'u'], { now: NOW, context: {} }), 'c', placeOf(zone.graph, 'doc', '1'));
  expect(holds).toThrow(expect.objectContaining({ code: 'LIMIT_EXCEEDED' }));
});
