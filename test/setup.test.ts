/**
 * The first command on a machine whose own Node is too old and which lacks a library of the pinned one, as a small Debian does: the
 * library is installed where that can be done, and else the one line that fails says how; the packages are those of the pinned
 * Node. Such a machine is played by a folder.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const place = mkdtempSync(join(tmpdir(), 'nexus-setup-'));
afterAll(() => rmSync(place, { recursive: true, force: true }));

const NAME = `node-${process.platform}-${process.arch}`;
const LACKS = 'error while loading shared libraries: libatomic.so.1: cannot open shared object file';
const BY_HAND = 'install it (Debian: apt-get install libatomic1)';

function put(path: string, text: string, mode = 0o644): string {
  const file = join(place, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
}

const script = (path: string, ...lines: string[]): string => put(path, ['#!/bin/sh', ...lines, ''].join('\n'), 0o755);

/** A clone with its packages, of which only the pinned Node matters here. */
function clone(): void {
  const lock = { packages: { [`node_modules/${NAME}`]: { version: '26.0.0', integrity: 'sha512-x' } } };
  for (const path of ['tools/setup.mjs', 'tools/pinned-version.cjs', 'bin/nexus.mjs'])
    cpSync(join(ROOT, path), join(place, path));
  put('package.json', JSON.stringify({ version: '1.0.0', optionalDependencies: { [NAME]: '26.0.0' } }));
  put('package-lock.json', JSON.stringify(lock));
  put('node_modules/.package-lock.json', JSON.stringify(lock));
  put(`node_modules/${NAME}/package.json`, JSON.stringify({ name: NAME, version: '26.0.0' }));
  script(
    `node_modules/${NAME}/bin/node`,
    `[ -e "${join(place, 'libatomic.so.1')}" ] && echo v26.0.0 && exit`,
    `echo "node: ${LACKS}" >&2`,
    'exit 127',
  );
}
clone();

/** What the program says with a Node 20 of a user who is root or not, and with these programs in reach. */
function run(program: string, { root, path = '' }: { readonly root: boolean; readonly path?: string }) {
  const older = put(
    'older.cjs',
    [
      "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.11.0' } });",
      `process.getuid = () => ${root ? 0 : 1000};`,
    ].join('\n'),
  );
  const env = { PATH: path, HOME: place };
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--require', older, join(place, program)], {
    env,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

test('who may not install it is told what to install', () => {
  const told = {
    status: 1,
    stdout: '',
    stderr: `setup: the Node of ${NAME}@26.0.0 needs libatomic.so.1: ${BY_HAND}\n`,
  };
  expect(run('tools/setup.mjs', { root: false, path: '/usr/bin:/bin' })).toEqual(told);
  // A system without apt.
  expect(run('tools/setup.mjs', { root: true })).toEqual(told);
});

test('the command says it too', () => {
  const { status, stderr } = run('bin/nexus.mjs', { root: false });
  expect(status).toBe(2);
  expect(stderr).toMatch(
    /^node: error while loading.*\nnexus: the Node that came with the package lacks a library .*\n$/,
  );
  expect(stderr).toContain('(Debian: apt-get install libatomic1)');
});

test('it is installed where that can be done, and once; npm finds the Node, though an old one links none', () => {
  const asked = join(place, 'asked');
  script(
    'apt/apt-get',
    `echo "$@" >> "${asked}"`,
    `case "$*" in *install*) : > "${join(place, 'libatomic.so.1')}";; esac`,
  );
  const root = { root: true, path: join(place, 'apt') };
  expect(run('tools/setup.mjs', root)).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^setup: installing libatomic1 … done in \d+\.\d s\n$/),
    stderr: '',
  });
  expect(run('tools/setup.mjs', root)).toEqual({ status: 0, stdout: '', stderr: '' });
  expect(execFileSync(join(place, 'node_modules/.bin/node'), { encoding: 'utf8' })).toBe('v26.0.0\n');
  expect(readFileSync(asked, 'utf8')).toBe('-q update\n-qy --no-install-recommends install libatomic1\n');
});

test('npm takes the packages for the pinned Node, not for the one that it runs on', () => {
  const record = join(place, 'node_modules/.package-lock.json');
  for (const path of [record, join(place, 'node_modules/.nexus-setup')]) rmSync(path);
  script('npm/npm', `"${process.execPath}" -p process.version > seen`, `cp package-lock.json "${record}"`);
  const { status, stdout } = run('tools/setup.mjs', { root: false, path: `${join(place, 'npm')}:/usr/bin:/bin` });
  expect([status, stdout]).toEqual([
    0,
    expect.stringMatching(/^setup: installing npm dependencies … done in \d+\.\d s\n$/),
  ]);
  expect(readFileSync(join(place, 'seen'), 'utf8')).toBe('v26.0.0\n');
});
