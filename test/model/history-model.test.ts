/**
 * Random changes of main and branches, with restores and merges among them, end as in a naive model that copies whole
 * maps: each answer, each branch after each change, every branch as of every revision, what counts against the zone, and
 * the difference between any two revisions. NEXUS_TEST_ROUNDS multiplies the sequences tried.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Result } from '../../client/index.ts';
import { ENGINES, startTestServer, type TestServer } from '../harness.ts';
import { inside, type Node, Refused, same, type Tree, World } from './history-model.ts';
import { merge, type Strategy } from './merge-model.ts';

/** A failure is told at once, with the seed that repeats it: making it smaller may take hours. */
const RUNS = 15 * Number(process.env.NEXUS_TEST_ROUNDS ?? 1);
const STEPS = 40;

const name = fc.constantFrom('a', 'a.', 'b');
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => `/${names.join('/')}`);
/** A share of what there is by then: of branches, paths, revisions. */
const share = fc.integer({ min: 0, max: 999 }).map((thousandths) => thousandths / 1000);
/** A path that exists, mostly; else any. */
const place = fc.oneof({ weight: 3, arbitrary: share }, { weight: 2, arbitrary: path });
const kind = fc.constantFrom(
  ...['write', 'write', 'write', 'write', 'set_metadata', 'delete', 'delete', 'mkdir', 'rmdir', 'rename', 'rename'],
  ...['copy', 'branch', 'branch', 'unbranch', 'restore', 'merge', 'merge', 'merge', 'merge'],
);
const strategy = fc.constantFrom<Strategy>('fail', 'ours', 'theirs');
const step = fc.record({
  do: kind,
  on: share,
  into: share,
  at: place,
  to: path,
  content: fc.constantFrom('', 'x', 'yy', 'zzz'),
  name: fc.constantFrom('one', 'two', 'three'),
  share,
  strategy,
});
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

const pick = <T>(from: Iterable<T>, part: number): T | undefined => {
  const all = [...from];
  return all[Math.floor(part * all.length)];
};

/** The same change of the model and of the server. */
interface Pair {
  readonly model: () => number;
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}

function pairOf(world: World, given: Step): Pair {
  const on = pick(world.branches.keys(), given.on) ?? 'main';
  const at = typeof given.at === 'string' ? given.at : (pick(world.tree(on).keys(), given.at) ?? '/a');
  const revision = Math.floor(given.share * (world.seq + 1));
  switch (given.do) {
    case 'branch': {
      const from = given.share > 0.5 ? undefined : revision;
      const params = { name: given.name, branch: on, from };
      return { model: () => world.createBranch(given.name, on, from), method: 'tree_branch_create', params };
    }
    case 'unbranch':
      return { model: () => world.deleteBranch(on), method: 'tree_branch_delete', params: { name: on } };
    case 'restore': {
      const folder = given.into > 0.6 ? '/' : at;
      const params = { to: revision, path: folder, branch: on };
      return { model: () => world.restore(on, revision, folder), method: 'tree_restore', params };
    }
    case 'merge': {
      const into = pick(world.branches.keys(), given.into) ?? 'main';
      const params = { branch: on, into, strategy: given.strategy };
      return { model: () => merge(world, params), method: 'tree_merge', params };
    }
    default:
      return { ...changeOf(world, given, { on, at }), method: given.do };
  }
}

/** A change of one path. */
function changeOf(
  world: World,
  given: Pick<Step, 'do' | 'content' | 'to'>,
  { on, at }: { on: string; at: string },
): Omit<Pair, 'method'> {
  const { content, to } = given;
  const one = { path: at, branch: on };
  switch (given.do) {
    case 'write':
      return { model: () => world.write(on, at, content), params: { ...one, content } };
    case 'set_metadata': {
      const metadata = { content };
      return { model: () => world.describe(on, at, JSON.stringify(metadata)), params: { ...one, metadata } };
    }
    case 'delete':
      return { model: () => world.remove(on, at), params: one };
    case 'mkdir':
      return { model: () => world.mkdir(on, at), params: { ...one, parents: true } };
    case 'rmdir':
      return { model: () => world.rmdir(on, at), params: { ...one, recursive: true } };
    case 'rename':
      return {
        model: () => world.rename(on, at, to),
        params: { old_path: at, new_path: to, overwrite: true, branch: on },
      };
    default:
      return {
        model: () => world.copy(on, at, to),
        params: { src_path: at, dst_path: to, recursive: true, branch: on },
      };
  }
}

function outcomeOf(work: () => number): string {
  try {
    work();
    return 'ok';
  } catch (thrown) {
    if (thrown instanceof Refused) return thrown.code;
    throw thrown;
  }
}

/** What list answers of a tree. */
const listed = (tree: Tree): object[] =>
  [...tree].sort(([a], [b]) => (a < b ? -1 : 1)).map(([at, node]) => ({ path: at, ...shown(node) }));
const shown = (node: Node): object => ({
  type: node.kind === 'f' ? 'file' : 'directory',
  size: Buffer.byteLength(node.content),
  version: node.kind === 'f' ? node.version : null,
  metadata: node.kind === 'f' ? JSON.parse(node.metadata) : {},
});

/** Each path that differs, as tree_diff tells it. */
function differences(before: Tree, after: Tree, folder: string): object[] {
  const changes: { path: string; change: string; old_path?: string }[] = [];
  const at = (tree: Tree, id: number): string | undefined =>
    [...tree].find(([place, node]) => node.id === id && inside(place, folder))?.[0];
  for (const place of new Set([...before.keys(), ...after.keys()])) {
    if (!inside(place, folder)) continue;
    const [was, is] = [before.get(place), after.get(place)];
    const old = is && is.id !== was?.id ? at(before, is.id) : undefined;
    if (old !== undefined) changes.push({ path: place, change: 'renamed', old_path: old });
    else if (was && is) {
      if (!same(was, is)) changes.push({ path: place, change: 'modified' });
    } else if (is) changes.push({ path: place, change: 'added' });
    else if (was && at(after, was.id) === undefined) changes.push({ path: place, change: 'removed' });
  }
  return changes.sort((a, b) => (a.path < b.path ? -1 : 1));
}

describe.each(ENGINES)('on %s', (engine) => {
  let server: TestServer;
  let zones = 0;
  beforeAll(async () => {
    server = await startTestServer({ engine });
  });
  afterAll(() => server.stop());

  interface Entry {
    readonly path: string;
    readonly type: string;
    readonly size: number;
    readonly version: number | null;
    readonly metadata: object;
  }

  async function listOf(zone_id: string, params: object): Promise<object[]> {
    const answer = await server.ok('list', { zone_id, path: '/', recursive: true, details: true, ...params });
    return answer.files.map(({ path: at, type, size, version, metadata }: Entry) => ({
      path: at,
      type,
      size,
      version,
      metadata,
    }));
  }

  async function pagesOfDiff(zone_id: string, params: object): Promise<object[]> {
    const changes: object[] = [];
    let cursor: string | null = null;
    do {
      const page: Result<'tree_diff'> = await server.ok('tree_diff', {
        zone_id,
        limit: 3,
        ...params,
        ...(cursor ? { cursor } : {}),
      });
      for (const { path: at, change, old_path } of page.changes) {
        changes.push({ path: at, change, ...(old_path === undefined ? {} : { old_path }) });
      }
      cursor = page.next_cursor;
    } while (cursor);
    return changes;
  }

  async function checkBranches(zone_id: string, world: World): Promise<void> {
    for (const one of world.branches.keys()) {
      expect(await listOf(zone_id, { branch: one })).toEqual(listed(world.tree(one)));
    }
    const usage = await server.sql.read((tx) =>
      tx.get('SELECT used_files AS files, used_storage_bytes AS bytes FROM zones WHERE zone_id = ?', [zone_id]),
    );
    expect({ ...usage }).toEqual(world.used());
  }

  async function checkHistory(zone_id: string, world: World): Promise<void> {
    for (const one of world.branches.keys()) {
      for (let revision = 0; revision <= world.seq; revision++) {
        const found = await listOf(zone_id, { branch: one, as_of: revision });
        expect({ one, revision, found }).toEqual({ one, revision, found: listed(world.treeAt(one, revision)) });
        const other = (revision * 7) % (world.seq + 1);
        for (const folder of ['/', '/a']) {
          const params = { branch: one, from: other, to: revision, path: folder };
          const expected = differences(world.treeAt(one, other), world.treeAt(one, revision), folder);
          expect({ ...params, changes: await pagesOfDiff(zone_id, params) }).toEqual({ ...params, changes: expected });
        }
      }
    }
  }

  /** One step in both; the answers have to be alike. */
  async function both(zone_id: string, { model, method, params }: Pair): Promise<string> {
    const expected = outcomeOf(model);
    const { error } = await server.rpc(method, { zone_id, ...params });
    expect({ method, params, outcome: error ? error.data.code : 'ok' }).toEqual({ method, params, outcome: expected });
    return expected;
  }

  async function freshZone(): Promise<string> {
    const zone_id = `model-${++zones}`;
    await server.addZone(zone_id);
    return zone_id;
  }

  test('random changes, restores and merges agree with the model at every revision', {
    timeout: 3_600_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: STEPS / 2, maxLength: STEPS, size: 'max' }), async (steps) => {
        const zone_id = await freshZone();
        const world = new World();
        for (const given of steps) {
          await both(zone_id, pairOf(world, given));
          await checkBranches(zone_id, world);
        }
        await checkHistory(zone_id, world);
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
  });

  const changes = fc.array(
    fc.record({
      do: fc.constantFrom('write', 'write', 'write', 'set_metadata', 'delete', 'mkdir', 'rmdir', 'rename'),
      at: place,
      to: path,
      content: fc.constantFrom('x', 'yy'),
    }),
    { maxLength: 7, size: 'max' },
  );
  const meeting = fc.record({
    base: changes,
    rounds: fc.array(fc.record({ main: changes, one: changes, back: fc.boolean(), strategy }), {
      minLength: 1,
      maxLength: 3,
    }),
  });

  test('two branches that change and merge again and again agree with the model', { timeout: 3_600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(meeting, async ({ base, rounds }) => {
        const zone_id = await freshZone();
        const world = new World();
        const changeAll = async (on: string, all: typeof base): Promise<void> => {
          for (const given of all) {
            const at = typeof given.at === 'string' ? given.at : (pick(world.tree(on).keys(), given.at) ?? '/a');
            await both(zone_id, { ...changeOf(world, given, { on, at }), method: given.do });
          }
        };
        await changeAll('main', base);
        const name = { name: 'one' };
        const create = { model: () => world.createBranch('one', 'main', undefined), method: 'tree_branch_create' };
        await both(zone_id, { ...create, params: name });
        for (const { main, one, back, strategy: settle } of rounds) {
          await changeAll('main', main);
          await changeAll('one', one);
          const params = { branch: back ? 'main' : 'one', into: back ? 'one' : 'main', strategy: settle };
          await both(zone_id, { model: () => merge(world, params), method: 'tree_merge', params });
          await checkBranches(zone_id, world);
        }
        await checkHistory(zone_id, world);
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
  });
});
