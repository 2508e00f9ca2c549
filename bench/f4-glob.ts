/** F4: a glob over 4,000 files in nested folders, HTTP included, against `find -type f` on the checked-out tree (files.md §13). */
import { rmSync } from 'node:fs';
import { startBenchServer } from './lib/child.ts';
import { measurePairs, printBar, type Side } from './lib/pairs.ts';
import { ask, checkSame, command, gathered, resultOf, type Take, timed } from './lib/search.ts';
import { checkOut, sourceFiles, upload } from './lib/source-tree.ts';

const FILES = 4_000;
const PAIRS = 5;

export async function run(): Promise<boolean> {
  const server = await startBenchServer();
  const account = { url: server.ready.url, key: server.ready.key };
  const files = sourceFiles(FILES);
  const folder = checkOut(files);
  await upload(account, '/bench/tree', files);
  const params = { pattern: '/bench/tree/**', limit: FILES + 1 };
  const glob = (take: Take): Promise<void> => ask(account, { method: 'glob', params }, take);
  const find = (take: Take): Promise<void> => command(['find', folder, '-type', 'f'], take);
  const { matches } = resultOf<{ matches: string[] }>(await gathered(glob));
  const found = (await gathered(find)).trimEnd().split('\n');
  const theirPaths = found.map((path) => `/bench/tree${path.slice(folder.length)}`);
  checkSame('F4', matches, theirPaths);
  const ours: Side = { name: 'nexus glob', measure: () => timed(glob) };
  const theirs: Side = { name: 'find -type f', measure: () => timed(find) };
  const result = await measurePairs(ours, theirs, PAIRS);
  const bar = { id: 'F4', what: `glob over ${FILES} files, the same set`, unit: 'ms', bound: { atMost: 1 } };
  const met = printBar(bar, { ours, theirs }, result);
  rmSync(folder, { recursive: true });
  await server.stop();
  return met;
}
