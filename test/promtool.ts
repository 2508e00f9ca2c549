/** Prometheus's own checker, as tools/setup.mjs has put it there; undefined where there is none to have. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const FETCHED = join(import.meta.dirname, '../node_modules/.cache/nexus-tools/usr/bin/promtool');

/** What it says of the input: nothing, where all is well. */
export function promtool(args: readonly string[], input = ''): { readonly code: number | null; readonly said: string } {
  const { status, stdout, stderr, error } = spawnSync(existsSync(FETCHED) ? FETCHED : 'promtool', args, {
    input,
    encoding: 'utf8',
  });
  if (error) throw new Error(`${error.message}: node tools/setup.mjs --with-tests fetches it`);
  return { code: status, said: `${stdout}${stderr}`.trim() };
}
