/**
 * F7: many mixed calls against one server: resident bytes and open handles at the end against those after the first
 * tenth (files.md §13). The short form by default; `--calls 1000000` for the whole bar.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Account } from './lib/calls.ts';
import { startBenchServer } from './lib/child.ts';
import { type Exchange, openConnections } from './lib/connections.ts';
import { measuredOnce, median, printBar } from './lib/pairs.ts';
import { residentBytes, settledHandles } from './lib/process-stats.ts';

const CALLS = 20_000;
const LANES = 16;
/** Paths written over and over, so that the tree stays as large as it is. */
const PATHS = 500;
const SIZES = [20, 1_000, 20_000, 100_000];
const SAMPLES = 20;

const path = (n: number): string => `/bench/${n % 10}/${n % PATHS}.txt`;
const text = (n: number): string => `line ${n} nexus\n`.repeat(Math.ceil((SIZES[n % 97 === 0 ? 3 : n % 3] ?? 0) / 14));

/** The calls in turn; one that finds its file gone is an answer like others, only a 5xx is a failure. */
const MIX: readonly ((n: number) => Exchange)[] = [
  (n) => rpc('write', { path: path(n), content: text(n), metadata: { n } }),
  (n) => rpc('read', { path: path(n * 7), encoding: 'utf-8' }),
  (n) => ({ method: 'GET', path: `/api/v2/files${path(n * 3)}` }),
  (n) => rpc('list', { path: '/bench', recursive: true, details: n % 2 === 0, limit: 50 }),
  (n) => rpc('append', { path: path(n), content: 'more\n' }),
  (n) => rpc('edit', { path: path(n * 5), edits: [[`line ${n}`, `row ${n}`]] }),
  (n) => rpc('stat', { path: path(n) }),
  (n) => ({ method: 'PUT', path: `/api/v2/files${path(n)}`, body: text(n), type: 'text/plain' }),
  (n) => rpc('rename', { old_path: path(n), new_path: path(n + 1), overwrite: true }),
  (n) => rpc('copy', { src_path: path(n * 11), dst_path: path(n), overwrite: true }),
  (n) => rpc('delete', { path: path(n * 13) }),
  (n) => rpc('list_versions', { path: path(n), limit: 10 }),
  (n) => rpc('glob', { pattern: `/bench/${n % 10}/*7*.txt` }),
  (n) => rpc('grep', { pattern: `line ${n % 1000} `, path: `/bench/${n % 10}`, limit: 10 }),
  (n) => rpc('read', { path: `/elsewhere/${n}` }),
  (n) => ({ method: 'POST', path: '/api/nfs/write', body: `{"params":{"path":"/bench/${n}`, type: 'application/json' }),
];

const rpc = (method: string, params: object): Exchange => ({
  method: 'POST',
  path: `/api/nfs/${method}`,
  body: JSON.stringify({ params }),
  type: 'application/json',
});

/** Calls `from` until `to`, then closes its connections. */
async function callsOf(account: Account, from: number, to: number): Promise<void> {
  const connections = openConnections(account, LANES);
  let next = from;
  const lane = async (): Promise<void> => {
    while (next < to) {
      const n = next++;
      const exchange = MIX[n % MIX.length]!(Math.floor(n / MIX.length) * 31 + (n % MIX.length));
      const { status } = await connections.send(exchange);
      if (status >= 500) throw new Error(`${exchange.method} ${exchange.path}: HTTP ${status}`);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  connections.close();
}

interface State {
  readonly mebibytes: number;
  readonly handles: number;
}

async function stateOf(pid: number): Promise<State> {
  const handles = await settledHandles(pid);
  const samples: number[] = [];
  for (let i = 0; i < SAMPLES; i++) {
    samples.push(residentBytes(pid) / 1024 / 1024);
    await sleep(50);
  }
  return { mebibytes: median(samples), handles };
}

export async function run({ calls = CALLS }: { readonly calls?: number | undefined }): Promise<boolean> {
  const server = await startBenchServer();
  const pid = server.process.pid!;
  const tenth = Math.floor(calls / 10);
  await callsOf(server.ready, 0, tenth);
  const early = await stateOf(pid);
  await callsOf(server.ready, tenth, calls);
  const late = await stateOf(pid);
  await server.stop();
  const sides = { ours: { name: `after ${calls} calls` }, theirs: { name: `after ${tenth} calls` } };
  const memory = printBar(
    { id: 'F7', what: `${calls} mixed calls, resident memory`, unit: 'MiB', bound: { atMost: 1.1 } },
    sides,
    measuredOnce(late.mebibytes, early.mebibytes),
  );
  const handles = printBar(
    { id: 'F7', what: `${calls} mixed calls, open handles`, unit: 'handles', bound: { atMost: 1 } },
    sides,
    measuredOnce(late.handles, early.handles),
  );
  return memory && handles;
}
