/**
 * F5: grep over 10,000 files, HTTP included, against the faster of `grep -rE` and `rg` on the checked-out tree, with the
 * same lines found (files.md §13).
 */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import type { Account } from './lib/calls.ts';
import { startBenchServer } from './lib/child.ts';
import { measurePairs, median, printBar, type Side } from './lib/pairs.ts';
import { ask, checkSame, command, gathered, resultOf, type Take, timed } from './lib/search.ts';
import { checkOut, RARE, sourceFiles, upload } from './lib/source-tree.ts';

const FILES = 10_000;
const PAIRS = 5;
/** Runs of each peer to tell which is faster. */
const TRIALS = 3;

const CASES = [
  ['a rare literal', RARE],
  ['a frequent literal', 'return'],
  ['a regex', '[a-z]+\\(77[0-9]\\)'],
  ['no hit', 'zzzznohit'],
] as const;

type Peer = readonly [program: string, ...flags: string[]];
const GREP: Peer = ['grep', '-rnE'];
const RIPGREP: Peer = ['rg', '-n', '--no-heading'];
const peers: readonly Peer[] = spawnSync('rg', ['--version']).error === undefined ? [GREP, RIPGREP] : [GREP];

interface Scene {
  readonly account: Account;
  readonly folder: string;
}

const peerWith =
  (peer: Peer, pattern: string, folder: string) =>
  (take: Take): Promise<void> =>
    command([...peer, pattern, folder], take);

async function fastest(pattern: string, folder: string): Promise<Peer> {
  const times: [number, Peer][] = [];
  for (const peer of peers) {
    const runs: number[] = [];
    for (let i = 0; i < TRIALS; i++) runs.push(await timed(peerWith(peer, pattern, folder)));
    times.push([median(runs), peer]);
  }
  return times.toSorted(([a], [b]) => a - b)[0]![1];
}

interface Answer {
  readonly matches: readonly { readonly path: string; readonly line: number }[];
  readonly has_more: boolean;
}

async function compare({ account, folder }: Scene, what: string, pattern: string): Promise<boolean> {
  const peer = await fastest(pattern, folder);
  const params = { pattern, path: '/bench/tree', limit: 100_000 };
  const grep = (take: Take): Promise<void> => ask(account, { method: 'grep', params }, take);
  const runPeer = peerWith(peer, pattern, folder);
  const { matches, has_more } = resultOf<Answer>(await gathered(grep));
  if (has_more) throw new Error(`F5 ${what}: more than a page`);
  const ourLines = matches.map(({ path, line }) => `${path.slice('/bench/tree'.length)}:${line}`);
  const lines = (await gathered(runPeer)).split('\n').slice(0, -1);
  const theirLines = lines.map((line) => line.slice(folder.length, line.indexOf(':', line.indexOf(':') + 1)));
  checkSame(`F5 ${what}`, ourLines, theirLines);
  const ours: Side = { name: 'nexus grep', measure: () => timed(grep) };
  const theirs: Side = { name: peer.join(' '), measure: () => timed(runPeer) };
  const result = await measurePairs(ours, theirs, PAIRS);
  const bar = {
    id: 'F5',
    what: `grep over ${FILES} files, ${what}: the same ${matches.length} lines`,
    unit: 'ms',
    bound: { atMost: 1 },
  };
  return printBar(bar, { ours, theirs }, result);
}

export async function run(): Promise<boolean> {
  const server = await startBenchServer();
  const account = { url: server.ready.url, key: server.ready.key };
  const files = sourceFiles(FILES);
  const folder = checkOut(files);
  await upload(account, '/bench/tree', files);
  let met = true;
  for (const [what, pattern] of CASES) met = (await compare({ account, folder }, what, pattern)) && met;
  rmSync(folder, { recursive: true });
  await server.stop();
  return met;
}
