/**
 * `npm run bench [-- f1 f2 … --calls N --paths N]`: runs the bars, both sides in one run, and prints their ratios.
 * `--calls` is the length of f7 and of each pair of denials, the tasks of p1 (to p3) and p4, the small uploads of p5 (with p6),
 * the events of p8, the seconds of p9, the requests of jobs, the small files of corpus-server, `--paths` the size of f8's tree.
 */
import { parseArgs } from 'node:util';

interface Sizes {
  readonly calls?: number | undefined;
  readonly paths?: number | undefined;
}

const BENCHES: Readonly<Record<string, () => Promise<{ run(sizes: Sizes): Promise<boolean> }>>> = {
  writer: () => import('./writer.ts'),
  f1: () => import('./f1-read.ts'),
  f2: () => import('./f2-write.ts'),
  f3: () => import('./f3-list.ts'),
  f4: () => import('./f4-glob.ts'),
  f5: () => import('./f5-grep.ts'),
  f6: () => import('./f6-memory.ts'),
  f7: () => import('./f7-soak.ts'),
  f8: () => import('./f8-latency.ts'),
  a1: () => import('./a1-check.ts'),
  a3: () => import('./a3-exclusion.ts'),
  a5: () => import('./a5-graph.ts'),
  a6: () => import('./a6-rpc-check.ts'),
  denials: () => import('./denials.ts'),
  audit: () => import('./audit.ts'),
  agents: () => import('./agents.ts'),
  p1: () => import('./p1-tasks.ts'),
  p4: () => import('./p4-start.ts'),
  p5: () => import('./p5-uploads.ts'),
  p7: () => import('./p7-publish.ts'),
  p8: () => import('./p8-replay.ts'),
  p9: () => import('./p9-listeners.ts'),
  jobs: () => import('./i1-jobs.ts'),
  branches: () => import('./branches.ts'),
  cli: () => import('./start-up.ts'),
  idle: () => import('./idle.ts'),
  corpus: () => import('./corpus.ts'),
  'corpus-server': () => import('./corpus-server.ts'),
};

const { values, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: { calls: { type: 'string' }, paths: { type: 'string' } },
});
const sizes: Sizes = {
  calls: values.calls === undefined ? undefined : Number(values.calls),
  paths: values.paths === undefined ? undefined : Number(values.paths),
};
const unknown = wanted.filter((name) => !(name in BENCHES));
if (unknown.length > 0) {
  console.error(`no bench ${unknown.join(', ')}; there are ${Object.keys(BENCHES).join(', ')}`);
  process.exit(2);
}
let met = true;
for (const [name, load] of Object.entries(BENCHES)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  met = (await (await load()).run(sizes)) && met;
}
process.exit(met ? 0 : 1);
