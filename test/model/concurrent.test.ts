/**
 * Changes that come at once agree with the same changes one after the other. The order is that of their events: what
 * succeeded is done again in that order, alone, and has to give the same answers and the same tree.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Fault } from '../../src/base/faults.ts';
import { SYSTEM } from '../../src/features/access/credentials.ts';
import { insertZone } from '../../src/features/zones/zones.sql.ts';
import type { Sql } from '../../src/ports/sql.ts';
import { openBare } from '../bare.ts';
import { ENGINES, startTestServer } from '../harness.ts';
import { eventsAfter, seqOf, usageOf } from '../ledger.ts';

const RUNS = 20 * Number(process.env.NEXUS_TEST_ROUNDS ?? 1);

interface Change {
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}

interface Done extends Change {
  readonly result: unknown;
  /** Of its first event. */
  readonly seq: number;
}

const path = fc.constantFrom('/d/a', '/d/b', '/d/c', '/d/s', '/d/s/a', '/d/s/b', '/e', '/e/a');
const content = fc.constantFrom('', 'x', 'y', 'one\ntwo\n', 'L'.repeat(70_000));
const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ method: fc.constant('write'), params: fc.record({ path, content }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      method: fc.constant('write'),
      params: fc.record({ path, content, if_none_match: fc.constant('*') }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ method: fc.constant('append'), params: fc.record({ path, content }) }) },
  { weight: 2, arbitrary: fc.record({ method: fc.constant('delete'), params: fc.record({ path }) }) },
  { weight: 1, arbitrary: fc.record({ method: fc.constant('mkdir'), params: fc.record({ path }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ method: fc.constant('rmdir'), params: fc.record({ path, recursive: fc.boolean() }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ method: fc.constant('rename'), params: fc.record({ old_path: path, new_path: path }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      method: fc.constant('copy'),
      params: fc.record({ src_path: path, dst_path: path, recursive: fc.constant(true) }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      method: fc.constant('set_metadata'),
      params: fc.record({ path, metadata: fc.constantFrom({}, { k: 1 }) }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      method: fc.constant('write_batch'),
      params: fc.record({
        files: fc.uniqueArray(fc.record({ path, content }), {
          minLength: 1,
          maxLength: 3,
          selector: (one) => one.path,
        }),
      }),
    }),
  },
);

/** What comes in a burst finds what the ones before left. */
const bursts = fc.array(fc.array(change, { minLength: 4, maxLength: 24 }), { minLength: 2, maxLength: 4 });

/** Times are those of the run. */
const timeless = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (key, one) => (/(_at|mtime|modified|created_at)$/.test(key) ? undefined : one)));

type Send = (zone_id: string, change: Change, id: string) => Promise<{ readonly result?: unknown }>;

/** Where the changes are made. */
interface Place {
  readonly sql: Sql;
  readonly send: Send;
  close(): Promise<void>;
}

/** The embedded engine without a door in front: what is sent in one turn is in one commit. */
async function openEmbedded(): Promise<Place> {
  const bare = await openBare();
  return {
    sql: bare.sql,
    send: async (zone_id, { method, params }, id) => {
      try {
        return { result: await bare.call(method, { ...params, zone_id }, SYSTEM, id) };
      } catch (thrown) {
        if (thrown instanceof Fault && thrown.code !== 'INTERNAL') return {};
        throw thrown;
      }
    },
    close: () => bare.close(),
  };
}

async function openServer(): Promise<Place> {
  const server = await startTestServer({ engine: 'postgres' });
  return {
    sql: server.sql,
    send: async (zone_id, { method, params }, id) => {
      const response = await server.http(`/api/nfs/${method}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-request-id': id },
        body: JSON.stringify({ params: { ...params, zone_id } }),
      });
      const answer = (await response.json()) as RpcAnswer;
      expect(answer.error?.data.code).not.toBe('INTERNAL');
      return answer;
    },
    close: () => server.stop(),
  };
}

interface RpcAnswer {
  readonly result?: unknown;
  readonly error?: { readonly data: { readonly code: string } };
}

describe.each(ENGINES)('on %s', (engine) => {
  let place: Place;
  let zones = 0;
  beforeAll(async () => {
    place = await (engine === 'sqlite' ? openEmbedded() : openServer());
  });
  afterAll(() => place.close());

  async function newZone(): Promise<string> {
    const zone_id = `zone-${++zones}`;
    const zone = { zone_id, name: zone_id, domain: null, description: null, limits: '{}', now: 1 };
    await place.sql.write(zone_id, (tx) => insertZone(tx, zone));
    return zone_id;
  }

  async function atOnce(zone_id: string, changes: readonly Change[], before: number): Promise<Done[]> {
    const answers = await Promise.all(changes.map((one, n) => place.send(zone_id, one, `call-${n}`)));
    const events = await eventsAfter(place, before, zone_id);
    const first = new Map(events.toReversed().map(({ request_id, seq }) => [request_id, seq]));
    return changes
      .flatMap((one, n): Done[] => {
        const seq = first.get(`call-${n}`);
        const { result } = answers[n]!;
        if (seq !== undefined) expect(result).toBeDefined();
        return seq === undefined ? [] : [{ ...one, result, seq }];
      })
      .sort((a, b) => a.seq - b.seq);
  }

  /** Without what is of this zone or this moment. */
  const plain = (value: unknown, zone_id: string): unknown =>
    JSON.parse(JSON.stringify(timeless(value) ?? null).replaceAll(`"${zone_id}"`, '"zone"'));

  async function treeOf(zone_id: string): Promise<unknown> {
    const params = { path: '/', recursive: true, details: true };
    return plain((await place.send(zone_id, { method: 'list', params }, 'list')).result, zone_id);
  }

  test('what came at once is as if it had come one after the other', { timeout: 3_600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(bursts, async (all) => {
        const together = await newZone();
        const apart = await newZone();
        const done: Done[] = [];
        for (const changes of all) done.push(...(await atOnce(together, changes, await seqOf(place, together))));
        for (const { method, params, result } of done) {
          const again = await place.send(apart, { method, params }, 'again');
          const told = { method, params, result: plain(again.result, apart) };
          expect(told).toEqual({ method, params, result: plain(result, together) });
        }
        expect(await treeOf(together)).toEqual(await treeOf(apart));
        const { counted, real } = await usageOf(place, together);
        expect(counted).toEqual(real);
      }),
      { numRuns: RUNS },
    );
  });
});
