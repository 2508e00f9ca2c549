/**
 * The published package: packed, installed for the whole machine under a fresh prefix and run as a user would, with the
 * machine's own Node, however old. It says its version and holds nothing but what runs.
 */
import { execFileSync } from 'node:child_process';
import { globSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const MANIFEST = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const PUBLISHED =
  /^(bin\/nexus\.mjs|dist\/[\w-]+\.js|dist\/(licenses\.txt|command-texts\.json)|migrations\/([\w.-]+\.sql|state\.json)|package\.json|[A-Z]+(\.md)?)$/;
/** Milliseconds: packing builds, installing may fetch the pinned Node of 130 MB. */
const PATIENCE = 300_000;

const prefix = mkdtempSync(join(tmpdir(), 'nexus-pack-'));
const installed = join(prefix, 'lib', 'node_modules', MANIFEST.name);

/** The environment of a user's shell: without what the npm around this test tells its children. */
function userEnv(): NodeJS.ProcessEnv {
  const path = (process.env.PATH ?? '').split(delimiter).filter((folder) => !/node_modules|node-gyp-bin/.test(folder));
  const disturbing = /^npm_(lifecycle|package|command|config_(.*prefix|global$|dry_run))/;
  const kept = Object.entries(process.env).filter(([name]) => !disturbing.test(name));
  return { ...Object.fromEntries(kept), PATH: path.join(delimiter) };
}

const run = (command: string, ...args: string[]): string =>
  execFileSync(command, args, { cwd: ROOT, env: userEnv(), encoding: 'utf8', stdio: 'pipe' });

beforeAll(() => {
  run('npm', 'pack', '--silent', '--pack-destination', prefix);
  const tarball = globSync('*.tgz', { cwd: prefix })[0] ?? '';
  const quiet = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
  run('npm', 'install', '--global', '--prefix', prefix, ...quiet, join(prefix, tarball));
}, PATIENCE);

afterAll(() => rmSync(prefix, { recursive: true, force: true }));

test('the installed command says its version', () => {
  expect(run(join(prefix, 'bin', 'nexus'), '--version')).toBe(`${MANIFEST.version}\n`);
});

test('the package holds what runs and nothing else', () => {
  const inside = readdirSync(installed, { recursive: true, encoding: 'utf8' });
  const files = inside.filter((path) => !path.startsWith('node_modules') && statSync(join(installed, path)).isFile());
  expect(files.filter((path) => !PUBLISHED.test(path))).toEqual([]);
  const inDist = ['nexus.js', 'thread.js', 'compute-thread.js', 'command-texts.json', 'licenses.txt'];
  const needed = ['bin/nexus.mjs', ...inDist.map((name) => `dist/${name}`), 'LICENSE', 'package.json'];
  expect(files).toEqual(expect.arrayContaining(needed));
  expect(globSync('*.sql', { cwd: join(installed, 'migrations') })).toEqual(
    globSync('*.sql', { cwd: join(ROOT, 'migrations') }),
  );
});
