/** Random schemas, tuples and moments for models of access, and the evaluator at hand on a graph of them. */
import fc from 'fast-check';
import { NodeBudget } from '../../src/features/access/evaluate/budget.ts';
import { closureOf } from '../../src/features/access/evaluate/closure.ts';
import type { Evaluation } from '../../src/features/access/evaluate/evaluator.ts';
import { type Mode, Reliance } from '../../src/features/access/evaluate/reliance.ts';
import type { GraphTuple } from '../../src/features/access/graph/graph.ts';
import { ZoneGraph } from '../../src/features/access/graph/zone-graphs.ts';
import { admits } from '../../src/features/access/relations.ts';
import type { Rule, Types } from '../../src/features/access/schema/rules.ts';
import { additionsOf, checkSchema, type Schema, schemaWith } from '../../src/features/access/schema/schema.ts';
import type { NaiveTuple } from './naive-access.ts';

/** Multiplies the rounds of a test. */
export const ROUNDS = Number(process.env.NEXUS_TEST_ROUNDS ?? 1);

export const NOW = Date.UTC(2030, 0, 1);
export const HOUR = 3_600_000;
const iso = (hours: number): string => new Date(NOW + hours * HOUR).toISOString();

export const NAMES = ['a', 'b', 'c', 'd', 'e'];
const name = fc.constantFrom(...NAMES, 'viewer');
const taken = fc.subarray(['user', 'group', '*', 'doc', 'doc#a', 'doc#c', 'group#direct_owner'], { minLength: 1 });
const { rule } = fc.letrec<{ rule: Rule; part: Rule }>((tie) => ({
  part: fc.oneof(
    { maxDepth: 2 },
    fc.record({ computed: name }),
    fc.record({ this: taken }),
    fc.record({ from: fc.tuple(fc.constantFrom('parent', 'up', 'folder'), name) }),
    fc.record({ union: fc.array(tie('part'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ intersection: fc.array(tie('part'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ exclusion: fc.tuple(tie('part'), tie('part')) }),
  ),
  rule: tie('part'),
}));

export const schemas: fc.Arbitrary<Types> = fc
  .record({
    doc: fc.record(Object.fromEntries(NAMES.map((one) => [one, rule]))),
    more: fc.dictionary(fc.constantFrom('x', 'y'), rule, { maxKeys: 2 }),
  })
  .map(({ doc, more }) => ({ doc: { ...doc, up: { this: ['doc', 'file'] } }, file: more }));

/** Schemas in which things hold by what holds beside them, and by what does not. */
export const guardedSchemas: fc.Arbitrary<Types> = fc
  .constantFrom<Types[string]>(
    {
      a: { this: ['user', 'group', '*', 'doc#c'] },
      b: { this: ['user', 'group', '*'] },
      c: { exclusion: [{ union: [{ this: ['user', 'group'] }, { computed: 'a' }] }, { computed: 'b' }] },
      d: { intersection: [{ computed: 'a' }, { union: [{ computed: 'b' }, { computed: 'c' }] }] },
      e: { union: [{ computed: 'd' }, { exclusion: [{ computed: 'viewer' }, { computed: 'd' }] }] },
    },
    {
      a: { this: ['user', 'group', '*'] },
      b: { exclusion: [{ from: ['up', 'a'] }, { intersection: [{ computed: 'a' }, { from: ['parent', 'viewer'] }] }] },
      c: { exclusion: [{ computed: 'a' }, { exclusion: [{ this: ['user', 'group'] }, { computed: 'b' }] }] },
      d: { intersection: [{ computed: 'a' }, { computed: 'c' }, { from: ['up', 'c'] }] },
      e: { exclusion: [{ computed: 'a' }, { union: [{ computed: 'd' }, { from: ['up', 'b'] }] }] },
    },
  )
  .map((doc) => ({ doc: { ...doc, up: { this: ['doc', 'file'] } }, file: {} }));

const asA = fc.constantFrom<Rule>({ computed: 'a' }, { from: ['up', 'a'] });
const bOrC: Rule = { union: [{ computed: 'b' }, { computed: 'c' }] };
const byTwins = fc.constantFrom<Rule>(
  bOrC,
  { exclusion: [{ computed: 'a' }, bOrC] },
  { exclusion: [{ computed: 'viewer' }, { intersection: [bOrC, { computed: 'a' }] }] },
);

/** Schemas in which a name means what another means, and things hold by way of either. */
export const twinSchemas: fc.Arbitrary<Types> = fc
  .record({ a: fc.constant<Rule>({ this: ['user', 'group', '*'] }), b: asA, c: asA, d: byTwins, e: byTwins })
  .map((doc) => ({ doc: { ...doc, up: { this: ['doc', 'file'] } }, file: {} }));

export const files = fc.constantFrom('/', '/x', '/x/y', '/x/y/z', '/w').map((id) => ['file', id] as const);
export const docs = fc.constantFrom('1', '2', '3', '4').map((id) => ['doc', id] as const);
export const groups = fc.constantFrom('g', 'h', 'i').map((id) => ['group', id] as const);
export const users = fc.constantFrom<readonly [string, string]>(['user', 'u'], ['user', 'v'], ['agent', 'u']);
const everybody = fc.constantFrom<readonly [string, string]>(['user', '*'], ['*', '*']);
const sets = fc.tuple(docs, fc.constantFrom('a', 'c')).map(([[type, id], set]) => [type, id, set] as const);

const terms = fc.record({
  expires_at: fc.option(fc.integer({ min: -2, max: 2 }).map((hours) => NOW + hours * HOUR)),
  conditions: fc.option(
    fc.oneof(
      fc.constantFrom<Record<string, never>>(
        { ip_range: '10.0.0.0/8' } as never,
        { team: 'red' } as never,
        {} as never,
      ),
      fc.tuple(fc.integer({ min: -2, max: 2 }), fc.integer({ min: -2, max: 2 })).map(([start, end]) => ({
        time_window: { start: iso(start), end: iso(end) },
      })),
    ),
  ),
});
const plain = fc.constant({ expires_at: null, conditions: null });

const facts = fc.oneof(
  fc.tuple(
    fc.oneof(users, groups, everybody),
    fc.constantFrom('direct_viewer', 'direct_editor', 'shared-owner'),
    fc.oneof(files, docs),
  ),
  fc.tuple(fc.oneof(users, groups, everybody), fc.constant('member'), groups),
  fc.tuple(fc.oneof(files, docs), fc.constant('parent'), fc.oneof(files, docs)),
  fc.tuple(fc.oneof(files, docs), fc.constant('up'), docs),
  fc.tuple(fc.oneof(users, groups, everybody, sets), fc.constantFrom(...NAMES), docs),
  fc.tuple(fc.oneof(users, groups), fc.constantFrom('x', 'y'), files),
);
export const tuples = fc
  .tuple(facts, fc.oneof({ weight: 3, arbitrary: plain }, terms))
  .map(([[subject, relation, object], more]): NaiveTuple => ({ subject, relation, object, ...more }));

const near = fc.constantFrom('1', '2').map((id) => ['doc', id] as const);
const someone = fc.oneof(fc.constant(['user', 'u'] as const), fc.constant(['group', 'g'] as const), everybody);
/** Few things with much between them, for rules that take several tuples. */
export const denseTuples = fc
  .tuple(
    fc.oneof(
      { weight: 6, arbitrary: fc.tuple(someone, fc.constantFrom('a', 'b', 'c', 'direct_viewer'), near) },
      {
        weight: 1,
        arbitrary: fc.tuple(
          fc.constant(['user', 'u'] as const),
          fc.constant('member'),
          fc.constant(['group', 'g'] as const),
        ),
      },
      { weight: 2, arbitrary: fc.tuple(near, fc.constantFrom('up', 'parent'), near) },
      {
        weight: 1,
        arbitrary: fc.tuple(
          someone,
          fc.constant('direct_editor'),
          fc.constantFrom('/', '/x').map((id) => ['file', id] as const),
        ),
      },
    ),
    fc.oneof({ weight: 4, arbitrary: plain }, terms),
  )
  .map(([[subject, relation, object], more]): NaiveTuple => ({ subject, relation, object, ...more }));

/** Made of the fact, so that it is found again. */
export const idOf = ({ subject, relation, object }: Pick<NaiveTuple, 'subject' | 'relation' | 'object'>): string =>
  JSON.stringify([subject.filter((part) => part !== undefined), relation, object]);

export const toGraph = ({
  subject: [type, id, set],
  relation,
  object,
  expires_at,
  conditions,
}: NaiveTuple): GraphTuple => ({
  tuple_id: idOf({ subject: [type, id, set], relation, object }),
  zone: '',
  subject_type: type,
  subject_id: id,
  subject_relation: set ?? '',
  relation,
  object_type: object[0],
  object_id: object[1],
  expires_at: expires_at ?? null,
  conditions: (conditions ?? null) as GraphTuple['conditions'],
});

export const CONTEXTS = [{}, { ip: '10.1.2.3' }, { ip: '11.1.2.3', team: 'red' }];
export const ask = (
  zone: ZoneGraph,
  subject: readonly [string, string],
  at: { now: number; context: object; mode?: Mode },
): Evaluation => {
  const context = { ...at.context, now: new Date(at.now).toISOString() };
  const reliance = new Reliance(at.now, () => context);
  const budget = new NodeBudget(100_000);
  const { mode = 'context' } = at;
  const closure = closureOf({ graph: zone.graph, reliance, mode, budget }, [subject]);
  return { graph: zone.graph, plans: zone.plans, closure, reliance, mode, budget };
};

/** The schema of what is given; undefined where it is none. */
export function schemaOf(given: Types): Schema | undefined {
  const schema = schemaWith(1, additionsOf(given));
  try {
    checkSchema(schema);
    return schema;
  } catch {
    return undefined;
  }
}

export interface Run {
  readonly zone: ZoneGraph;
  readonly tuples: readonly NaiveTuple[];
}

/** Adds and removes tuples one after the other, on a graph and in a list. */
export function runSteps(schema: Schema, steps: readonly (readonly [boolean, NaiveTuple])[]): Run {
  const zone = new ZoneGraph({ zone_id: 'z', access_revision: 0 }, schema);
  const now = new Map<string, NaiveTuple>();
  for (const [add, tuple] of steps) {
    const { subject, relation, object } = tuple;
    const fact = JSON.stringify([subject, relation, object]);
    const rule = schema.types.get(object[0])?.get(relation);
    // What a zone does not take, its schema was not checked for.
    if (!rule || !admits(rule, { type: subject[0], relation: subject[2] ?? '' })) continue;
    if (add || !now.has(fact)) now.set(fact, tuple);
    else now.delete(fact);
    const to = { revision: zone.revision + 1, schema };
    zone.take(to, now.has(fact) ? [] : [toGraph(tuple)], now.has(fact) ? [toGraph(tuple)] : []);
  }
  return { zone, tuples: [...now.values()] };
}
