/**
 * F8: what other callers' reads wait for while one caller does the most expensive things there are: p99 of the load of
 * F1 beside each, against its quiet p99 (files.md §13). `--paths` for a smaller tree than the bar's.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Account, call, jsonHeaders, writeMany } from './lib/calls.ts';
import { startBenchServer } from './lib/child.ts';
import { type Load, runLoad } from './lib/load.ts';
import { measurePairs, printBar, type Side } from './lib/pairs.ts';

const PATHS = 100_000;
const CONNECTIONS = 32;
const PAIRS = 3;
/** Seconds of a measured load: as long as the adversary needs once, within these bounds. */
const SECONDS: readonly [number, number] = [3, 30];
const TREE = '/bench/tree';

/** What the adversary does again and again; `turn` counts. */
interface Adversary {
  readonly name: string;
  prepare?(account: Account, turn: number): Promise<void>;
  act(account: Account, turn: number): Promise<void>;
}

const there = (turn: number): string => (turn % 2 === 0 ? TREE : `${TREE}-moved`);

async function writeLarge(account: Account): Promise<void> {
  const response = await fetch(`${account.url}/api/v2/files/bench/large.bin`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${account.key}` },
    body: Buffer.alloc(100_000_000, `${performance.now()}`),
  });
  if (!response.ok) throw new Error(`PUT answers ${response.status}`);
}

async function writeLargeJson(account: Account): Promise<void> {
  const response = await fetch(`${account.url}/api/nfs/write`, {
    method: 'POST',
    headers: jsonHeaders(account.key),
    body: `{"params":{"path":"/bench/large.txt","content":"${'a'.repeat(100_000_000)}"}}`,
  });
  if (!response.ok) throw new Error(`write answers ${response.status}`);
  await response.arrayBuffer();
}

const act =
  (method: string, params: (turn: number) => object): Adversary['act'] =>
  async (account, turn) => {
    await call(account, method, params(turn));
  };

/** Lines that are alike, so that no window is ruled out early. */
const ALIKE = Array.from({ length: 16_000 }, (_, i) => `the value of this line is number ${i % 7} or so, ${i}\n`).join(
  '',
);

const ADVERSARIES: readonly Adversary[] = [
  {
    name: 'grep, nested quantifiers',
    act: act('grep', () => ({ pattern: '^(([a-z0-9]+[ ,]*)+)+[A-Z]$', path: '/bench' })),
  },
  {
    name: 'fuzzy edit of 1 MiB',
    act: act('edit', () => ({
      path: '/bench/alike.txt',
      edits: [['the valve of that lime is number 9 or so?\n'.repeat(20), 'new\n']],
      fuzzy_threshold: 0.99,
      preview: true,
    })),
  },
  { name: '100 MB PUT', act: writeLarge },
  { name: '100 MB write', act: writeLargeJson },
  { name: 'rename', act: act('rename', (turn) => ({ old_path: there(turn), new_path: there(turn + 1) })) },
  {
    name: 'copy',
    act: act('copy', (turn) => ({ src_path: TREE, dst_path: `/bench/copy-${turn}`, recursive: true })),
  },
  {
    name: 'restore',
    // Forth and back: to where the tree was not, and to where it was.
    act: act('tree_restore', (turn) => ({ to: turn % 2 === 0 ? 'f8-before' : 'f8-after', path: TREE })),
  },
  {
    name: 'merge',
    prepare: async (account, turn) => {
      await call(account, 'tree_branch_create', { name: `f8-${turn}` });
      await call(account, 'rename', { old_path: there(turn), new_path: there(turn + 1), branch: `f8-${turn}` });
    },
    act: act('tree_merge', (turn) => ({ branch: `f8-${turn}` })),
  },
];

/** Goes on until told to stop; gives up at the first failure. */
function keepGoing(adversary: Adversary, account: Account, turns: { next: number }): () => Promise<void> {
  let going = true;
  const ended = (async () => {
    while (going) {
      const turn = turns.next++;
      await adversary.prepare?.(account, turn);
      await adversary.act(account, turn);
    }
  })();
  return () => {
    going = false;
    return ended;
  };
}

const p99 = async (load: Load): Promise<number> => {
  const { p99Ms, failures } = await runLoad(load);
  if (failures > 0) throw new Error(`${failures} reads failed`);
  return p99Ms;
};

async function measureBeside(adversary: Adversary, account: Account, load: Load): Promise<boolean> {
  const turns = { next: 0 };
  const began = performance.now();
  await keepGoing(adversary, account, turns)();
  const alone = (performance.now() - began) / 1000;
  const seconds = Math.ceil(Math.min(Math.max(alone, SECONDS[0]), SECONDS[1]));
  const ours: Side = {
    name: `beside ${adversary.name} (${alone.toFixed(1)} s alone)`,
    measure: async () => {
      const stop = keepGoing(adversary, account, turns);
      const measured = await p99({ ...load, seconds });
      await stop();
      return measured;
    },
  };
  const theirs: Side = {
    name: 'quiet',
    measure: async () => {
      await sleep(500);
      return p99({ ...load, seconds: SECONDS[0] });
    },
  };
  const result = await measurePairs(ours, theirs, PAIRS);
  // An adversary that ended in the middle of a pair of turns is brought back to where the next one begins.
  if (turns.next % 2 === 1) await keepGoing(adversary, account, turns)();
  const bar = { id: 'F8', what: `p99 of 1 KiB reads beside ${adversary.name}`, unit: 'ms', bound: { atMost: 5 } };
  return printBar(bar, { ours, theirs }, result);
}

export async function run({ paths = PATHS }: { readonly paths?: number | undefined }): Promise<boolean> {
  const server = await startBenchServer();
  const { url, key, adminKey } = server.ready;
  const account = { url, key: adminKey };
  await call(account, 'write', { path: '/bench/r.txt', content: 'x'.repeat(1024) });
  await call(account, 'write', { path: '/bench/alike.txt', content: ALIKE.slice(0, 1_048_000) });
  await writeMany(account, `${TREE}/start`, 1);
  await call(account, 'tree_snapshot_create', { name: 'f8-before' });
  await writeMany(account, TREE, paths);
  await call(account, 'tree_snapshot_create', { name: 'f8-after' });
  console.log(`load: ${CONNECTIONS} connections, reads of another caller; tree of ${paths} paths`);
  const load: Load = {
    url,
    method: 'POST',
    path: '/api/nfs/read',
    headers: jsonHeaders(key),
    body: '{"params":{"path":"/bench/r.txt"}}',
    connections: CONNECTIONS,
    seconds: SECONDS[0],
  };
  let met = true;
  for (const adversary of ADVERSARIES) met = (await measureBeside(adversary, account, load)) && met;
  await server.stop();
  return met;
}
