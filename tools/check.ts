/**
 * `npm run check` (infrastructure.md §15). Guarantees: types, lint and structure are looked at in seconds; where `CI` is set, as all
 * places that build it do, `npm test` follows on both SQL engines, with how much of the source it runs; it ends with the first
 * that fails, by the code of that.
 */
import { spawnSync } from 'node:child_process';

type Step = readonly [name: string, ...command: readonly string[]];

const QUICK: readonly Step[] = [
  ['types', 'tsc', '--noEmit'],
  ['lint', 'biome', 'check', '--error-on-warnings', '.'],
  ['structure', 'vitest', 'run', 'test/tidy.test.ts'],
];
const COVERAGE = ['--coverage', '--coverage.reporter=json-summary'];
const TESTS: Step = ['npm test, on both SQL engines', 'npm', '--silent', 'test', '--', ...COVERAGE];

const isSet = (text: string | undefined): boolean => text !== undefined && !['', '0', 'false'].includes(text);

function run([name, command = '', ...rest]: Step): void {
  process.stdout.write(`[check +${Math.round(performance.now() / 1000)}s] ${name}\n`);
  const env = { ...process.env, ENGINES: process.env.ENGINES ?? 'sqlite,postgres' };
  const { status, error } = spawnSync(command, rest, { stdio: 'inherit', env });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

for (const step of isSet(process.env.CI) ? [...QUICK, TESTS] : QUICK) run(step);
