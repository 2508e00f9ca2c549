/** A server that runs until it is stopped: `nexus start` with no configuration, `nexus serve` as it says. */
import { relative } from 'node:path';
import type { Log } from '../../../base/log.ts';
import type { LogEvent } from '../../../base/log-events.ts';
import { logNodeWarnings } from '../../../base/node-warnings.ts';
import { codeOf, isCode } from '../../../base/system-error.ts';
import type { Config, Loaded } from '../../../config.ts';
import type { Server } from '../../../core/server.ts';
import type { Command, Scene } from '../command.ts';
import { explain } from '../explain.ts';
import { findKey, keepKey } from '../key-file.ts';
import { paint, type Terminal } from '../terminal.ts';
import { EXIT_CONFIG, load, logWarnings } from './load.ts';
import { mindHangUps } from './reload.ts';
import { endProcess, onStopSignal } from './stop-signal.ts';

/** A server that listens. */
interface Listening {
  readonly url: string;
  /** Text of the admin key, when this start made it. */
  readonly adminKey: string | undefined;
  readonly server: Server;
}

interface Serving {
  readonly loaded: Loaded;
  /** Reads it again. */
  readonly read: (terminal: Pick<Terminal, 'err'>) => Loaded | undefined;
  readonly terminal: Terminal;
  /** What this start has no reason to say. */
  readonly unsaid?: readonly LogEvent[];
  /** Called once the server listens. */
  readonly ready: (running: Listening) => Promise<void> | void;
}

/** An address that stands for all of them is no place to call: this machine is reached by its loopback address. */
const fromHere = (url: string): string => url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');

/** Why it cannot listen where it is told to, with the setting that says where; all else as it is. */
function unlistenable(thrown: unknown, { HOST, PORT }: Config): unknown {
  if (isCode(thrown, 'EADDRINUSE'))
    return new Error(
      `port ${PORT} of ${HOST} is taken, perhaps by a server that runs already; choose another: --port ${PORT + 1}`,
    );
  const call = thrown instanceof Error && 'syscall' in thrown ? thrown.syscall : undefined;
  if (call !== 'listen' && call !== 'getaddrinfo') return thrown;
  return new Error(
    `cannot listen at port ${PORT} of ${HOST} (${codeOf(thrown)}): NEXUS_HOST (--host) has to be an address of this machine, and NEXUS_PORT (--port) one that this user may take`,
  );
}

/** Keys travel in clear to an address that others reach, unless something in front speaks TLS. */
function warnOfClearText({ HOST, PUBLIC_URL }: Config, log: Log): void {
  const loopback = HOST === 'localhost' || HOST === '::1' || /^127(\.\d+){3}$/.test(HOST);
  if (loopback || PUBLIC_URL.startsWith('https://')) return;
  log('warn', 'config.clear_text', {
    msg: `${HOST} is reached from other machines and keys travel in clear text: put a TLS proxy in front and set NEXUS_PUBLIC_URL=https://…`,
  });
}

/** A start that failed has made it for all later ones, which cannot show it. */
function sayKept(terminal: Terminal, adminKey: string): void {
  terminal.err('The database has an admin key already, which is shown now and never again:\n');
  terminal.out(`admin key ${adminKey}\n`);
}

/** Runs the server until a signal, or until it cannot go on. */
async function serveUntilStopped(serving: Serving): Promise<number> {
  let broken: (reason: unknown) => void = () => undefined;
  const ended = new Promise<unknown>((resolve) => {
    broken = resolve;
    onStopSignal(() => resolve(undefined));
  });
  const hangUps = mindHangUps(() => broken(undefined));
  const { start } = await import('../../../main.ts');
  const { giveBackWhenIdle } = await import('../../../roof/give-back.ts');
  const { openLog } = await import('../../../roof/log.ts');
  const { config } = serving.loaded;
  const { log: logAll, close, setLevel } = openLog(config.LOG_LEVEL, config.APP_NAME);
  const log: Log = (level, event, fields) => {
    if (!serving.unsaid?.includes(event)) logAll(level, event, fields);
  };
  logNodeWarnings(log);
  logWarnings(serving.loaded, log);
  warnOfClearText(config, log);
  let adminKey: string | undefined;
  const onAdminKey = (text: string): void => {
    adminKey = text;
  };
  const onBroken = (reason: unknown): void => broken(reason);
  const running = await start({ config, log, onBroken, onAdminKey }).catch(async (thrown) => {
    const code = explain(serving.terminal, unlistenable(thrown, config));
    if (adminKey !== undefined) sayKept(serving.terminal, adminKey);
    await close();
    // What was opened before it failed, threads above all, would keep the process for ever.
    return process.exit(code);
  });
  const unmind = hangUps.begin({ config, log, read: serving.read, setLevel, retune: running.retune });
  giveBackWhenIdle();
  await serving.ready(running);
  const reason = await ended;
  unmind();
  if (reason !== undefined) {
    log('error', 'server.broken', { err: reason instanceof Error ? reason.stack : String(reason) });
    await close();
    // The outcome of a commit is unknown: nothing more may be answered from this process.
    process.exit(1);
  }
  await running.stop();
  await close();
  return endProcess(config, 0);
}

export const runStart: Command['run'] = async (scene, typed) => {
  const read = (terminal: Pick<Terminal, 'err'>) => load(terminal, typed, { NEXUS_LOG_LEVEL: 'warn' });
  const loaded = read(scene.terminal);
  if (!loaded) return EXIT_CONFIG;
  return serveUntilStopped({
    loaded,
    read,
    terminal: scene.terminal,
    unsaid: unsaidBy(loaded),
    ready: (running) => greet(scene, running, loaded.config),
  });
};

/** Who configured no folder of texts misses none: asked to ingest from it, the server says that there is none and what to set. */
const unsaidBy = ({ lines }: Loaded): readonly LogEvent[] =>
  lines.some(({ name, source }) => name === 'NEXUS_CORPUS_ROOT' && source === 'default') ? ['corpus_root.missing'] : [];

/** How this program was called, so that the lines it prints can be pasted as they stand. */
function calledAs(script: string): string {
  if (script.includes('/_npx/')) return 'npx @nexus-workplace/nexus';
  if (script.endsWith('/node_modules/.bin/nexus')) return 'npx nexus';
  if (script.endsWith('/nexus')) return 'nexus';
  const near = relative(process.cwd(), script);
  return `node ${near.startsWith('..') ? script : near}`;
}

/** Address, key, and three lines that work as they stand. */
function greet(scene: Scene, running: Listening, config: Config): void {
  const { terminal, settings } = scene;
  const say = (text: string): void => terminal.out(`${text}\n`);
  const url = fromHere(running.url);
  const fresh = running.adminKey;
  const key = fresh ?? (config.BOOTSTRAP_ADMIN_KEY || undefined);
  if (key) keepKey(settings.configHome, url, key);
  const known = key ?? findKey(settings.configHome, url);
  say('');
  say(`  ${paint(terminal, 'bold', 'Nexus is running')}  ${url}`);
  say(
    `  Admin key         ${fresh ?? (key ? 'the one of NEXUS_BOOTSTRAP_ADMIN_KEY' : 'made by an earlier start, and shown then')}`,
  );
  say(
    known
      ? `                    ${fresh ? 'shown once; ' : ''}commands on this machine find it by themselves`
      : '                    give it to commands with --key or NEXUS_API_KEY',
  );
  say('');
  say('  Try, in another terminal:');
  const nexus = calledAs(process.argv[1] ?? 'nexus');
  const there = url === settings.url ? '' : ` --url ${url}`;
  say(`    echo 'Hello, Nexus' | ${nexus} put - /docs/hello.txt${there}`);
  say(`    ${nexus} grep -i nexus /${there}`);
  // In double quotes, in which a shell puts what the variable holds.
  say(`    curl -s ${url}/api/v2/files/docs/hello.txt -H "Authorization: Bearer ${fresh ?? '$NEXUS_API_KEY'}"`);
  say('');
}

async function init(terminal: Terminal, config: Config, running: Listening): Promise<void> {
  const { initialise } = await import('../../../roof/init.ts');
  const { file, written } = await initialise({
    server: running.server,
    url: fromHere(running.url),
    adminKey: running.adminKey,
    bootstrapKey: config.BOOTSTRAP_ADMIN_KEY,
    directory: process.cwd(),
  });
  terminal.out(
    `zones corp and corp-eng; ${file} ${written ? 'written' : 'stays'}: source it for NEXUS_URL and NEXUS_API_KEY\n`,
  );
}

export const runServe: Command['run'] = async (scene, typed) => {
  const read = (terminal: Pick<Terminal, 'err'>) => load(terminal, typed);
  const loaded = read(scene.terminal);
  if (!loaded) return EXIT_CONFIG;
  return serveUntilStopped({
    loaded,
    read,
    terminal: scene.terminal,
    ready: async (running) => {
      if (typed.options.init) await init(scene.terminal, loaded.config, running);
      scene.terminal.out(`listening at ${running.url}\n`);
      if (running.adminKey) scene.terminal.out(`admin key ${running.adminKey}\n`);
    },
  });
};
