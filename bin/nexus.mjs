#!/usr/bin/env node
/**
 * The `nexus` command. Runs on any Node that knows ES modules, in words old ones understand, and hands over to a Node
 * that can run the server: this one when it is new enough, else the one that came with the package. Signals reach the
 * server and its exit code comes back; without such a Node, one line says what to do and the exit code is 2.
 */
import { existsSync } from 'node:fs';
import nodeModule, { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';

const NODE_MAJOR = 24;
const self = fileURLToPath(import.meta.url);
const isNewEnough = (version) => Number(version.split('.')[0]) >= NODE_MAJOR;

/** The pinned Node, found as a package is found: inside this one, beside it, or in a global folder. */
function pinnedNode() {
  const require = createRequire(self);
  const platform = `${process.platform}-${process.arch}`;
  const ours = (name) => name.startsWith('node-') && name.endsWith(platform);
  const name = Object.keys(require('../package.json').optionalDependencies).find(ours);
  try {
    const manifest = require.resolve(`${name}/package.json`);
    const node = join(dirname(manifest), 'bin', 'node');
    return isNewEnough(require(manifest).version) && existsSync(node) ? node : undefined;
  } catch {
    return undefined;
  }
}

function giveUp(why) {
  process.stderr.write(
    `nexus: ${why}: install Node ${NODE_MAJOR} or newer, or run npm install again in ${dirname(dirname(self))}\n`,
  );
  process.exit(2);
}

/** What a program exits with that lacks a library, which the loader has named by then. */
const NOT_LOADED = 127;

/**
 * What threads free stays with glibc, in an arena for each thread, unless it is told otherwise when a process starts: 8 of the
 * 120 MiB that an idle server holds. Somebody's own settings stay as they are.
 */
const MEMORY = { MALLOC_ARENA_MAX: '2', MALLOC_TRIM_THRESHOLD_: '1048576' };
const isServer = ['start', 'serve', 'worker'].includes(process.argv[2]);
const isTold = Object.keys(MEMORY).some((name) => name in process.env);

/** The same process, begun again with these settings; where a system or a Node cannot, it goes on as it is. */
function beginAgain() {
  if (!isServer || isTold || process.platform !== 'linux' || typeof process.execve !== 'function') return;
  // Without /proc a program does not know where it lies.
  if (!existsSync(process.execPath)) return;
  const args = [process.execPath].concat(process.execArgv, self, process.argv.slice(2));
  try {
    process.execve(process.execPath, args, Object.assign({}, process.env, MEMORY));
  } catch {
    // It needs more memory then.
  }
}

/**
 * A terminal sends its keyboard signals to parent and child alike; handing them on would reach the server twice, and a
 * second Ctrl-C means "at once". So they are handed on only when there is no terminal, and the child is told by its name that they
 * are: a group of processes gets them itself, too (src/channels/cli/server/stop-signal.ts).
 */
async function runWith(node) {
  const { spawn } = await import('node:child_process');
  const env = isServer && !isTold ? Object.assign({}, process.env, MEMORY) : process.env;
  const child = spawn(node, [self].concat(process.argv.slice(2)), { stdio: 'inherit', env, argv0: 'nexus' });
  const typed = process.stdin.isTTY ? ['SIGINT', 'SIGQUIT'] : [];
  const signals = ['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP', 'SIGUSR2'];
  for (const signal of signals) process.on(signal, () => typed.includes(signal) || child.kill(signal));
  child.on('error', (error) => giveUp(`${node} does not start (${error.message})`));
  child.on('exit', (code, signal) => {
    if (code === NOT_LOADED)
      giveUp('the Node that came with the package lacks a library (Debian: apt-get install libatomic1)');
    if (signal === null) process.exit(code);
    for (const name of signals) process.removeAllListeners(name);
    process.kill(process.pid, signal);
  });
}

/** A user who is only a number, as in a container, may have none. */
function homeOfUser() {
  try {
    return homedir();
  } catch {
    return undefined;
  }
}

/** Milliseconds in which a server has started. */
const START_MS = 2000;
const COMPILERS = ['turbofan', 'maglev'];

/**
 * What runs while a server starts runs once, but loops over the characters of paths are hot enough for the optimizing compilers of V8:
 * their own code and what they make is a tenth of what an idle server holds. So they begin when it has started.
 */
function compileLater() {
  // Elsewhere V8 itself may do without them, as may whoever starts this.
  const said = process.execArgv.concat(process.env.NODE_OPTIONS || '').join(' ');
  const isUsual = ['x64', 'arm64'].includes(process.arch) && !/turbofan|maglev|jitless|no-opt/.test(said);
  if (!isServer || !isUsual) return;
  const set = (prefix) => {
    for (const name of COMPILERS) setFlagsFromString(`--${prefix}${name}`);
  };
  set('no-');
  setTimeout(set, START_MS, '').unref();
}

/** In a clone the source, in the published package, which has none, its bundle. */
function runHere() {
  // Compiled code is kept between runs, in the user's own directory: nobody else can put code there.
  const home = homeOfUser();
  if (home) {
    const compiled = join(home, '.cache', 'nexus', 'compiled');
    nodeModule.enableCompileCache(compiled);
    // Threads are told by the environment only. With it they are up in half the time.
    process.env.NODE_COMPILE_CACHE = compiled;
  }
  const root = dirname(dirname(self));
  const bundle = join(root, 'dist', 'nexus.js');
  const bundled = !existsSync(join(root, 'src')) && existsSync(bundle);
  import(pathToFileURL(bundled ? bundle : join(root, 'src', 'channels', 'cli', 'main.ts')).href);
}

if (isNewEnough(process.versions.node)) {
  beginAgain();
  compileLater();
  runHere();
} else {
  const node = pinnedNode();
  if (node) runWith(node);
  else giveUp(`Node ${process.versions.node} is too old and no newer one came with the package`);
}
