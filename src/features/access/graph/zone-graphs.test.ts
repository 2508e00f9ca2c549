/**
 * Graphs that follow changes are equal to graphs that are read anew, for every snapshot, whichever way they came there; and
 * memory is bounded.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Bare, openBare } from '../../../../test/bare.ts';
import { type FoundGraph, type GraphZone, ZoneGraphs } from './zone-graphs.ts';

let bare: Bare;
beforeAll(async () => {
  bare = await openBare();
});
afterAll(() => bare.close());

const zoneRow = (zone_id: string): Promise<GraphZone> =>
  bare.sql.read(async (tx) => {
    const row = await tx.get<GraphZone>('SELECT zone_id, access_revision FROM zones WHERE zone_id = ?', [zone_id]);
    if (!row) throw new Error(`no zone ${zone_id}`);
    return row;
  });

/** Everything that a graph says, in one order. */
function contentOf({ zone: { graph, schema } }: FoundGraph): string[] {
  const { words } = graph;
  const thing = (node: number) => [words.typeText(words.typeOf(node)), words.idOf(node)];
  const lists = (['object', 'subject', 'member'] as const).map((list) => {
    let sum = 0;
    for (let node = 0; node < words.nodes; node++) {
      let length = 0;
      for (let at = graph.first(list, node); at >= 0; at = graph.next(list, at)) length++;
      expect(length).toBe(graph.count(list, node));
      sum += length;
    }
    return sum;
  });
  expect([lists[0], lists[1]! + lists[2]!]).toEqual([graph.size, graph.size]);
  const tuples = [...graph.tuples()].map((at) =>
    JSON.stringify([
      graph.idOf(at),
      thing(graph.subjects[at]!),
      words.relation(graph.subjectRelations[at]!),
      words.relation(graph.relations[at]!),
      thing(graph.objects[at]!),
      graph.termsOf(at) ?? null,
    ]),
  );
  return [`schema ${schema.version}`, ...tuples.sort()];
}

const path = fc.constantFrom('/a', '/a/b', '/c', '/c/d');
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('grant'), id: fc.constantFrom('u', 'v'), path, ends: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('parent'), child: path, path }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('revoke'), pick: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('rename'), from: path, to: path }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove'), gone: path }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('schema'), name: fc.constantFrom('x', 'y') }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

let zones = 0;

async function apply(zone_id: string, one: Step): Promise<unknown> {
  if ('id' in one) {
    const terms = one.ends ? { expires_at: '2031-01-01T00:00:00Z', conditions: { team: one.id } } : {};
    return bare.call('rebac_create', {
      zone_id,
      subject: ['user', one.id],
      relation: 'direct_viewer',
      object: ['file', one.path],
      ...terms,
    });
  }
  if ('child' in one) {
    return bare.call('rebac_create', {
      zone_id,
      subject: ['file', one.child],
      relation: 'parent',
      object: ['file', one.path],
    });
  }
  if ('pick' in one) {
    const tuples = await bare.call<{ tuple_id: string }[]>('rebac_list_tuples', { zone_id });
    const picked = tuples[one.pick % Math.max(1, tuples.length)];
    return picked && bare.call('rebac_delete', { zone_id, tuple_id: picked.tuple_id });
  }
  if ('from' in one)
    return bare.call('rename', { zone_id, old_path: one.from, new_path: one.to }).catch(() => undefined);
  if ('gone' in one) return bare.call('rmdir', { zone_id, path: one.gone, recursive: true }).catch(() => undefined);
  return bare.call('rebac_set_schema', { zone_id, types: { file: { [one.name]: { this: ['user'] } } } });
}

test('a graph that goes forward and back is the one that is read anew', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(step, fc.integer({ min: 0, max: 3 })), { maxLength: 25 }), async (run) => {
      const zone_id = `graph-${++zones}`;
      await bare.call('zone_create', { zone_id, name: 'g' });
      for (const path of ['/a/b', '/c/d']) await bare.call('write', { zone_id, path, content: 'x' });
      const graphs = new ZoneGraphs(10_000);
      const past = new Map<number, string[]>();
      for (const [one, back] of run) {
        await apply(zone_id, one);
        const zone = await zoneRow(zone_id);
        const anew = await bare.sql.read(async (tx) => contentOf(await new ZoneGraphs(0).at(tx, zone)));
        past.set(zone.access_revision, anew);
        // Sometimes several changes at once are to be followed.
        if (back === 3) continue;
        const followed = await bare.sql.read(async (tx) => contentOf(await graphs.at(tx, zone)));
        expect(followed).toEqual(anew);
        const before = past.get(zone.access_revision - back);
        const kept = await bare.sql.read((tx) => graphs.at(tx, zone));
        if (before && kept.zone.goBack(zone.access_revision - back)) expect(contentOf(kept)).toEqual(before);
      }
    }),
    { numRuns: 25 },
  );
});

test('what is kept is bounded, the least lately read goes first, and with nothing kept each is read', async () => {
  const graphs = new ZoneGraphs(120);
  const named = [0, 1, 2].map((n) => `bounded-${n}`);
  for (const zone_id of named) await bare.call('zone_create', { zone_id, name: 'b' });
  const cached = async (zone_id: string) => {
    const zone = await zoneRow(zone_id);
    return bare.sql.read(async (tx) => (await graphs.at(tx, zone)).cached);
  };
  expect([await cached(named[0]!), await cached(named[1]!), await cached(named[0]!)]).toEqual([false, false, true]);
  expect([await cached(named[2]!), await cached(named[0]!)]).toEqual([false, false]);
  const none = new ZoneGraphs(0);
  const zone = await zoneRow(named[0]!);
  for (let i = 0; i < 2; i++) expect((await bare.sql.read((tx) => none.at(tx, zone))).cached).toBe(false);
});
