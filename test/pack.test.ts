/**
 * The published package: packed, installed for the whole machine under a fresh prefix and run as a user would, with the
 * machine's own Node, however old. It says its version and holds nothing but what runs; programs import the typed client from it.
 */
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import {
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADMIN_KEY, startTestServer } from './harness.ts';

const ROOT = join(import.meta.dirname, '..');
const MANIFEST = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const PUBLISHED =
  /^(bin\/nexus\.mjs|dist\/[\w-]+\.js|dist\/(licenses\.txt|command-texts\.json)|dist\/client\/(index\.js|types\/[\w/.-]+\.d\.ts)|migrations\/([\w.-]+\.sql|state\.json)|package\.json|[A-Z]+(\.md)?)$/;
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

/** What docs/client.md shows, in the folder of a program that has the package and nothing else of ours. */
const SHOWN = [...readFileSync(join(ROOT, 'docs/client.md'), 'utf8').matchAll(/^```ts\n(.*?)^```/gms)]
  .map(([, code]) => code)
  .join('');

function programWith(text: string): string {
  const folder = mkdtempSync(join(prefix, 'program-'));
  mkdirSync(join(folder, 'node_modules', '@nexus-workplace'), { recursive: true });
  symlinkSync(installed, join(folder, 'node_modules', MANIFEST.name));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  writeFileSync(join(folder, 'program.ts'), text);
  return folder;
}

/** What the compiler says of it, as strictly as it can. */
function compiled(folder: string): string {
  const how = ['--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess', '--skipLibCheck', 'false'];
  const forms = ['--module', 'nodenext', '--target', 'es2024', '--lib', 'es2024,dom', '--types', ''];
  const tsc = join(ROOT, 'node_modules/.bin/tsc');
  return spawnSync(tsc, [...how, ...forms, '--noEmit', 'program.ts'], { cwd: folder, encoding: 'utf8' }).stdout;
}

test(
  'a program with the typed client of the package compiles and runs as docs/client.md shows it',
  async () => {
    const server = await startTestServer();
    try {
      const folder = programWith(SHOWN);
      expect(compiled(folder)).toBe('');
      const env = { ...userEnv(), NEXUS_URL: server.url, NEXUS_API_KEY: ADMIN_KEY };
      const run = promisify(execFile);
      const { stdout } = await run(process.execPath, ['program.ts'], { cwd: folder, env });
      expect(stdout).toBe(
        'Hello, Nexus\n/docs/hello.txt version 1\nFILE_NOT_FOUND /docs/none.txt\ndenied, and proven\n',
      );
    } finally {
      await server.stop();
    }
  },
  PATIENCE,
);

test(
  'what a server does not take, its compiler refuses',
  () => {
    const folder = programWith(`import { createClient } from '${MANIFEST.name}';
    const client = createClient({ url: '', key: '' });
    client.write({ path: '/a', contents: 'x' });
    client.nothing({});
    const text: number = await client.readText('/a');`);
    const refused = compiled(folder);
    for (const line of [3, 4, 5]) expect(refused).toContain(`program.ts(${line},`);
  },
  PATIENCE,
);
