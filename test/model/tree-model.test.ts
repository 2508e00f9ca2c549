/**
 * Random changes of a tree end as in the naive model: each answer, the tree with everything known of each entry, the
 * events, the usage; in the end the tree as of every revision, and every version of every file.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ENGINES, startTestServer, type TestServer } from '../harness.ts';
import { eventsAfter, usageOf } from '../ledger.ts';
import { Refused } from './history-model.ts';
import { type Entry, etagOf, nowOf, type State, TreeModel } from './tree-model.ts';
import { type Change, step } from './tree-steps.ts';

const RUNS = 20 * Number(process.env.NEXUS_TEST_ROUNDS ?? 1);
const STEPS = 30;

/** What list tells of an entry, its identity left out. */
function shown(path: string, entry: Entry): object {
  const now = nowOf(entry);
  return {
    path,
    type: now ? 'file' : 'directory',
    size: now?.bytes.length ?? 0,
    etag: now ? etagOf(now.bytes) : null,
    version: now?.version ?? null,
    encoding: now?.encoding ?? null,
    content_type: now?.content_type ?? null,
    metadata: now?.metadata ?? {},
    revision: entry.revision,
  };
}

const byPath = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number =>
  Buffer.compare(Buffer.from(a), Buffer.from(b));
const listed = (state: State): (readonly [string, Entry])[] => [...state].sort(byPath);

describe.each(ENGINES)('on %s', (engine) => {
  let server: TestServer;
  let zones = 0;
  beforeAll(async () => {
    server = await startTestServer({ engine });
  });
  afterAll(() => server.stop());

  async function checkTree(zone_id: string, model: TreeModel, at: number | undefined, ids: Map<number, string>) {
    const { files } = await server.ok('list', { zone_id, path: '/', recursive: true, details: true, as_of: at });
    const expected = listed(at === undefined ? model.state : model.states[at]!);
    expect(files).toMatchObject(expected.map(([path, entry]) => shown(path, entry)));
    expect(files).toHaveLength(expected.length);
    for (const [n, [, { id }]] of expected.entries()) {
      const file_id = files[n]!.file_id;
      const known = ids.get(id);
      if (known === undefined) expect([...ids.values()]).not.toContain(file_id);
      else expect(file_id).toBe(known);
      ids.set(id, file_id);
    }
  }

  async function checkLedger(zone_id: string, model: TreeModel, before: number): Promise<void> {
    const events = await eventsAfter(server, before, zone_id);
    const told = events.map(({ seq, type, path, old_path, data }) => ({ seq, type, path, old_path, via: data.via }));
    const expected = model.events.slice(before).map(({ type, path, old_path = null, via }, n) => ({
      seq: before + n + 1,
      type,
      path,
      old_path,
      via,
    }));
    expect(told).toEqual(expected);
    const { counted, real } = await usageOf(server, zone_id);
    expect(counted).toEqual(real);
  }

  async function checkVersions(zone_id: string, model: TreeModel): Promise<void> {
    for (const [path, { versions }] of model.state) {
      if (versions.length === 0) continue;
      const history = await server.ok('list_versions', { zone_id, path });
      expect(history).toMatchObject(
        versions.toReversed().map((one) => ({
          version: one.version,
          etag: etagOf(one.bytes),
          size: one.bytes.length,
          change_reason: one.reason,
          path: one.path,
          encoding: one.encoding,
        })),
      );
      expect(history).toHaveLength(versions.length);
      for (const { version, bytes, metadata } of versions) {
        const read = await server.ok('get_version', { zone_id, path, version, return_metadata: true });
        expect(read).toMatchObject({ version, metadata, content: { data: bytes.toString('base64') } });
      }
    }
  }

  /** One change of both; the answers have to be alike. */
  async function both(zone_id: string, { method, params, expected }: Change): Promise<void> {
    let wanted: unknown;
    let code: string | undefined;
    try {
      wanted = expected();
    } catch (thrown) {
      if (!(thrown instanceof Refused)) throw thrown;
      code = thrown.code;
    }
    const { result, error } = await server.rpc(method, { zone_id, ...params });
    expect({ method, params, code: error?.data.code }).toEqual({ method, params, code });
    if (!error) expect({ method, params, result }).toMatchObject({ method, params, result: wanted });
  }

  test('random changes agree with the model at every revision', { timeout: 3_600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: STEPS / 2, maxLength: STEPS, size: 'max' }), async (steps) => {
        const zone_id = `tree-${++zones}`;
        await server.addZone(zone_id);
        const model = new TreeModel();
        const ids = new Map<number, string>();
        for (const one of steps) {
          const before = model.revision;
          await both(zone_id, one(model));
          await checkLedger(zone_id, model, before);
          await checkTree(zone_id, model, undefined, ids);
        }
        for (let at = 0; at <= model.revision; at++) await checkTree(zone_id, model, at, ids);
        await checkVersions(zone_id, model);
      }),
      { numRuns: RUNS },
    );
  });
});
