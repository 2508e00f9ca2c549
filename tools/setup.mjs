#!/usr/bin/env node
/**
 * Makes a fresh clone ready to run: npm dependencies as the lock names them, the pinned Node for this machine, and with
 * `--with-tests` the Debian packages that tests start. Does nothing and says nothing when all is there; otherwise one
 * line per thing done, or one line saying what is missing and what to do, and exit code 1.
 * Plain JavaScript for Node 18 and newer: it runs before the pinned Node is there.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const MODULES = join(ROOT, 'node_modules');
const STAMP = join(MODULES, '.nexus-setup');
/** Programs that tests run and nothing else does. */
const TOOLS = join(MODULES, '.cache', 'nexus-tools');
const NODE_MAJOR = 24;

const PLATFORM = `${process.platform}-${process.arch}`;

/** What npm hands down to a child and a child needs: where packages come from. All else of it belongs to the outer command. */
const KEPT_SETTING =
  /^npm_config_(@|\/\/|registry$|(https?_)?proxy$|noproxy$|ca$|cafile$|strict_ssl$|cache$|userconfig$|globalconfig$|(prefer_)?offline$|fetch_)/i;

function stop(message) {
  console.error(`setup: ${message}`);
  process.exit(1);
}

/** Runs a command quietly; the first lines of what it says are the reason when it fails. */
function run(command, args, env) {
  const done = spawnSync(command, args, { cwd: ROOT, env, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  if (done.status === 0) return undefined;
  const output = done.error ? done.error.message : `${done.stderr}${done.stdout}`;
  return output.trim().split('\n').slice(0, 8).join('\n') || `ended with ${done.status ?? done.signal}`;
}

/** Says what begins, does it, and ends the line with how long it took. */
function timed(what, work) {
  process.stdout.write(`setup: ${what} … `);
  const start = Date.now();
  const failure = work();
  console.log(failure ? 'failed' : `done in ${((Date.now() - start) / 1000).toFixed(1)} s`);
  return failure;
}

function cleanEnv() {
  const kept = ([name]) =>
    (!/^npm_/i.test(name) || KEPT_SETTING.test(name)) && name !== 'NODE_ENV' && name !== 'INIT_CWD';
  return Object.fromEntries(Object.entries(process.env).filter(kept));
}

function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}

/**
 * Is what npm says it put there what the lock names, to the hash? Optional packages may miss: most are for other platforms.
 * True also after an `npm install` by hand, which is therefore not undone.
 */
function modulesMatchLock(lockText) {
  const record = join(MODULES, '.package-lock.json');
  if (!existsSync(record)) return false;
  const there = readJson(record).packages;
  const wanted = JSON.parse(lockText).packages;
  delete wanted[''];
  const same = (path) =>
    there[path] ? there[path].integrity === wanted[path].integrity : wanted[path].optional === true;
  return Object.keys(wanted).every(same) && Object.keys(there).every((path) => wanted[path]);
}

/**
 * `npm install` and not `npm ci`: `ci` refuses a lock that lacks optional packages of other platforms, which npm drops
 * from a lock whenever the registry of the one who wrote it lacks them. What `ci` would promise is checked afterwards.
 */
function npmInstall() {
  const npm = process.env.npm_execpath ?? '';
  const [command, ...first] = /npm-cli\.js$/.test(npm) ? [process.execPath, npm] : ['npm'];
  const flags = ['--no-save', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];
  const env = cleanEnv();
  if (!isNewEnough()) {
    // Quoted as Node reads it: the clone may lie anywhere.
    const shim = JSON.stringify(fileURLToPath(new URL('pinned-version.cjs', import.meta.url)));
    env.NODE_OPTIONS = `${env.NODE_OPTIONS ?? ''} --require ${shim}`.trim();
  }
  return run(command, [...first, 'install', ...flags, '--include=dev', '--include=optional'], env);
}

function installModules() {
  const lockText = readFileSync(join(ROOT, 'package-lock.json'), 'utf8');
  const stamp = `${createHash('sha256').update(lockText).digest('hex')} ${PLATFORM}\n`;
  const stamped = existsSync(STAMP) && readFileSync(STAMP, 'utf8') === stamp;
  if (!(stamped || modulesMatchLock(lockText)) || (missingNode() && !missingLibrary())) {
    const failure = timed('installing npm dependencies', npmInstall);
    if (failure) stop(`npm install failed: ${failure}`);
    if (!modulesMatchLock(lockText))
      stop('package-lock.json does not fit package.json: run npm install and commit both');
  }
  const missing = addLibrary() ?? missingNode();
  if (missing) stop(missing);
  linkNode();
  if (!stamped) writeFileSync(STAMP, stamp);
}

/** The Node that the package brings for this machine: its name and version, and where it is; undefined where none is pinned. */
function pinnedNode() {
  const optional = readJson(join(ROOT, 'package.json')).optionalDependencies;
  const name = Object.keys(optional).find((each) => each.startsWith('node-') && each.endsWith(PLATFORM));
  return name && { name, wanted: `${name}@${optional[name]}`, node: join(MODULES, name, 'bin', 'node') };
}

/** Where npm looks for the `node` of its scripts. npm 9 takes it away again, with those of the other platforms. */
function linkNode() {
  const link = join(MODULES, '.bin', 'node');
  const { name, node } = pinnedNode() ?? {};
  if (isNewEnough() || !node || !existsSync(node) || existsSync(link)) return;
  rmSync(link, { force: true });
  mkdirSync(join(MODULES, '.bin'), { recursive: true });
  symlinkSync(join('..', name, 'bin', 'node'), link);
}

const isNewEnough = () => Number(process.versions.node.split('.')[0]) >= NODE_MAJOR && existsSync(process.execPath);

/** What is missing for a Node that can run the server, if anything. npm skips an optional package that it cannot get. */
function missingNode() {
  if (isNewEnough()) return undefined;
  const pinned = pinnedNode();
  if (!pinned) return `no Node is pinned for ${PLATFORM}: install Node ${NODE_MAJOR} or newer`;
  const { wanted, node } = pinned;
  const instead = `or install Node ${NODE_MAJOR} or newer`;
  if (!existsSync(node)) {
    return `the package ${wanted} is missing: see whether your npm registry has it and run this again, ${instead}`;
  }
  return run(node, ['--version'], process.env)
    ? `the Node of ${wanted} does not start on this machine: install Node ${NODE_MAJOR} or newer`
    : undefined;
}

/** Libraries that the pinned Node is linked with and a small Debian lacks, each by the package that has it. */
const LIBRARIES = { 'libatomic.so.1': 'libatomic1' };

/** That which the pinned Node lacks to start, where it is the one that is to run. */
function missingLibrary() {
  const { node, wanted } = pinnedNode() ?? {};
  if (isNewEnough() || !node || !existsSync(node)) return undefined;
  const failure = run(node, ['--version'], process.env) ?? '';
  const [, library] = /error while loading shared libraries: ([^:]+):/.exec(failure) ?? [];
  return LIBRARIES[library] && { wanted, library, name: LIBRARIES[library] };
}

/** Adds it; says what to do where that cannot be done. */
function addLibrary() {
  const missing = missingLibrary();
  if (!missing) return undefined;
  const { wanted, library, name } = missing;
  const byHand = `the Node of ${wanted} needs ${library}: install it (Debian: apt-get install ${name})`;
  return canInstall() ? aptInstall([name], byHand) : byHand;
}

const canInstall = () => process.getuid?.() === 0 && onPath('apt-get');

/** What went wrong, if anything. */
function aptInstall(names, byHand) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const failure = timed(
    `installing ${names.join(' and ')}`,
    () =>
      run('apt-get', ['-q', 'update'], env) ||
      run('apt-get', ['-qy', '--no-install-recommends', 'install', ...names], env),
  );
  return failure && `${byHand}\n${failure}`;
}

function onPath(command) {
  return (process.env.PATH || '').split(delimiter).some((folder) => existsSync(join(folder, command)));
}

function hasPostgres() {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian) : [];
  return onPath('postgres') || versions.some((version) => existsSync(join(debian, version, 'bin', 'postgres')));
}

/** The library only: Debian's packages of its servers would run as services of the machine. */
const hasSwift = () => existsSync('/usr/lib/python3/dist-packages/swift/common/middleware/s3api');

/** Started by test/servers/chromium.ts. */
const CHROMIUM = '/usr/lib/chromium/chromium-headless-shell';

/** Debian packages that tests start, as far as they are missing. On other systems than Linux they are PostgreSQL, openssl, patch and curl only. */
function missingPackages() {
  const wanted = [
    ['postgresql', hasPostgres()],
    ['openssl', onPath('openssl')],
    ['patch', onPath('patch')],
    ['curl', onPath('curl')],
    // The `kill` of the unit of systemd.
    ['procps', process.platform !== 'linux' || existsSync('/bin/kill')],
    ['strace', process.platform !== 'linux' || onPath('strace')],
    // Its checker of units runs without it being what started the machine.
    ['systemd', process.platform !== 'linux' || onPath('systemd-analyze')],
    ['python3-swift', process.platform !== 'linux' || hasSwift()],
    ['chromium-headless-shell', process.platform !== 'linux' || existsSync(CHROMIUM)],
    ['haproxy', process.platform !== 'linux' || onPath('haproxy') || existsSync('/usr/sbin/haproxy')],
  ];
  return wanted.filter(([, isThere]) => !isThere).map(([name]) => name);
}

function installPackages() {
  const wanted = missingPackages();
  if (wanted.length === 0) return;
  const names = wanted.join(' and ');
  const byHand = `the tests need ${names}: install ${wanted.length > 1 ? 'them' : 'it'} (Debian: apt-get install ${wanted.join(' ')})`;
  const failure = canInstall() ? aptInstall(wanted, byHand) : byHand;
  if (failure) stop(failure);
  if (missingPackages().length > 0) stop(byHand);
}

/**
 * Prometheus's own checker of metrics and rules. Only that one program of its package: installed whole, the package would run
 * Prometheus as a service of the machine.
 */
function addPromtool() {
  if (process.platform !== 'linux' || onPath('promtool') || existsSync(join(TOOLS, 'usr/bin/promtool'))) return;
  if (!onPath('apt-get')) stop('the tests need promtool: install it (Debian: the package prometheus)');
  const script = `set -e; mkdir -p '${TOOLS}'; cd '${TOOLS}'
    apt-get -q download prometheus || { apt-get -q update && apt-get -q download prometheus; }
    dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool; rm prometheus_*.deb`;
  const failure = timed('fetching promtool', () => run('sh', ['-c', script], process.env));
  if (failure) stop(`promtool cannot be had: ${failure}`);
}

installModules();
if (process.argv.includes('--with-tests')) {
  installPackages();
  addPromtool();
}
