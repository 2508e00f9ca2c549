/** Start-up of the command line: the bundle, from process start to exit, against the bar of 150 ms (workflows.md §6). */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBenchServer } from './lib/child.ts';
import { measuredOnce, median, printBar } from './lib/pairs.ts';

const ROOT = join(import.meta.dirname, '..');
const BAR_MS = 150;
const RUNS = 20;
/** Not counted: they fill the cache of compiled code. */
const WARM_UPS = 2;

const LINES = [['--version'], ['whoami'], ['ls', '/bench'], ['--help']];

export async function run(): Promise<boolean> {
  const place = mkdtempSync(join(tmpdir(), 'nexus-start-up-'));
  for (const part of ['bin', 'package.json']) cpSync(join(ROOT, part), join(place, part), { recursive: true });
  execFileSync(process.execPath, [join(ROOT, 'tools/build.ts'), join(place, 'dist')]);
  const server = await startBenchServer();
  const { url, key } = server.ready;
  const env = { NEXUS_URL: url, NEXUS_API_KEY: key, HOME: place };
  const body = 'x';
  await fetch(`${url}/api/v2/files/bench/x.txt`, { method: 'PUT', body, headers: { authorization: `Bearer ${key}` } });
  let met = true;
  for (const line of LINES) {
    const times = Array.from({ length: RUNS + WARM_UPS }, () => {
      const began = performance.now();
      execFileSync(process.execPath, [join(place, 'bin/nexus.mjs'), ...line], { env });
      return performance.now() - began;
    }).slice(WARM_UPS);
    const bar = { id: 'CLI', what: `start to exit of nexus ${line.join(' ')}`, unit: 'ms', bound: { atMost: 1 } };
    const sides = { ours: { name: `median of ${RUNS}` }, theirs: { name: 'bar' } };
    met = printBar(bar, sides, { ...measuredOnce(median(times), BAR_MS), ours: times }) && met;
  }
  await server.stop();
  rmSync(place, { recursive: true, force: true });
  return met;
}
