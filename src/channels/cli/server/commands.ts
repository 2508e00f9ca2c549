/** Commands that are the server, or look at it from inside: start, serve, migrate, config. */
import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { ConfigError, type Environment, type Loaded, loadConfig, readEnvironment } from '../../../config.ts';
import type { Command, Option, Scene, Typed } from '../command.ts';
import { keepKey } from '../key-file.ts';
import { show } from '../show.ts';
import { paint, type Terminal, table } from '../terminal.ts';
import { doctor } from './doctor.ts';

const EXIT_CONFIG = 2;

const LISTEN: readonly Option[] = [
  { name: 'port', about: 'port to listen at, else NEXUS_PORT', takes: 'text' },
  { name: 'host', about: 'address to listen at, else NEXUS_HOST', takes: 'text' },
  { name: 'data', about: 'data directory, else NEXUS_DATA_DIR', takes: 'text' },
];

/** `.env` of the working directory, if there is one. */
function dotenv(): Environment {
  try {
    return parseEnv(readFileSync('.env', 'utf8'));
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return {};
    throw thrown;
  }
}

/** The configuration, or its mistakes on stderr. */
function load(terminal: Terminal, typed: Typed, defaults: Environment = {}): Loaded | undefined {
  const environment = { ...defaults, ...readEnvironment() };
  const { port, host, data } = typed.options as Record<string, string | undefined>;
  const given = { NEXUS_PORT: port, NEXUS_HOST: host, NEXUS_DATA_DIR: data };
  try {
    const loaded = loadConfig({ environment, dotenv: dotenv(), given });
    for (const warning of loaded.warnings) terminal.err(`warning: ${warning}\n`);
    return loaded;
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    for (const line of thrown.lines) terminal.err(`${line}\n`);
    return undefined;
  }
}

interface Serving {
  readonly loaded: Loaded;
  readonly init: boolean;
  /** Called once the server listens. */
  readonly ready: (running: { readonly url: string; readonly adminKey: string | undefined }) => void;
}

/** Runs the server until a signal, or until it cannot go on. */
async function serveUntilStopped(serving: Serving): Promise<number> {
  const { start } = await import('../../../main.ts');
  const { openLog } = await import('../../../roof/log.ts');
  const { config } = serving.loaded;
  const { log, flush } = openLog(config.LOG_LEVEL, config.APP_NAME);
  let broken: (reason: unknown) => void = () => undefined;
  const ended = new Promise<unknown>((resolve) => {
    broken = resolve;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(undefined));
  });
  const running = await start({ config, log, onBroken: (reason) => broken(reason) });
  serving.ready(running);
  const reason = await ended;
  if (reason !== undefined) {
    log('error', 'server.broken', { err: reason instanceof Error ? reason.stack : String(reason) });
    flush();
    // The outcome of a commit is unknown: nothing more may be answered from this process.
    process.exit(1);
  }
  await running.stop();
  flush();
  return 0;
}

const startCommand: Command = {
  words: 'start',
  summary: 'Run a server with no configuration: prints its address, an admin key and lines to try.',
  args: [],
  options: LISTEN,
  run: async (scene, typed) => {
    const loaded = load(scene.terminal, typed, { NEXUS_LOG_LEVEL: 'warn' });
    if (!loaded) return EXIT_CONFIG;
    return serveUntilStopped({ loaded, init: false, ready: (running) => greet(scene, running) });
  },
};

/** Address, key, and three lines that work as they stand. */
function greet(scene: Scene, running: { readonly url: string; readonly adminKey: string | undefined }): void {
  const { terminal, settings } = scene;
  const person = { ...terminal, color: terminal.color };
  const say = (text: string): void => terminal.out(`${text}\n`);
  const key = running.adminKey;
  if (key) keepKey(settings.configHome, running.url, key);
  say('');
  say(`  ${paint(person, 'bold', 'Nexus is running')}  ${running.url}`);
  say(
    key
      ? `  Admin key         ${key}`
      : '  Admin key         made by an earlier start; commands on this machine find it',
  );
  if (key) say('                    shown once; commands on this machine find it by themselves');
  say('');
  say('  Try, in another terminal:');
  const shown = key ?? '$NEXUS_API_KEY';
  say(`    npx nexus put README.md /docs/readme.md && npx nexus ls -l /docs`);
  say(`    npx nexus grep -i nexus /`);
  say(`    curl -s ${running.url}/api/nfs/list --json '{}' -H 'Authorization: Bearer ${shown}'`);
  say('');
}

const serveCommand: Command = {
  words: 'serve',
  summary: 'Run a server as its configuration says.',
  args: [],
  options: [
    ...LISTEN,
    { name: 'init', about: 'make the zones corp and corp-eng and write .nexus-admin-env', takes: 'flag' },
  ],
  run: async (scene, typed) => {
    const loaded = load(scene.terminal, typed);
    if (!loaded) return EXIT_CONFIG;
    return serveUntilStopped({
      loaded,
      init: Boolean(typed.options.init),
      ready: ({ url, adminKey }) => {
        scene.terminal.out(`listening at ${url}\n`);
        if (adminKey) scene.terminal.out(`admin key ${adminKey}\n`);
      },
    });
  },
};

const migrateCommand: Command = {
  words: 'migrate',
  summary: 'Bring the schema of the database up to date.',
  args: [],
  options: [
    LISTEN[2]!,
    { name: 'status', about: 'list migrations, change nothing', takes: 'flag' },
    { name: 'check', about: 'exit 1 unless nothing is pending', takes: 'flag' },
  ],
  run: async (scene, typed) => {
    const loaded = load(scene.terminal, typed);
    if (!loaded) return EXIT_CONFIG;
    const { withSql } = await import('../../../roof/offline.ts');
    const { migrate, readMigrations, schemaState } = await import('../../../roof/migrations.ts');
    return withSql(loaded.config, async (sql) => {
      const { applied, pending } = await schemaState(sql);
      if (typed.options.status) {
        const rows = readMigrations(sql.dialect).map((one) => ({
          version: one.version,
          name: one.name,
          applied: one.version <= applied,
        }));
        show(scene.terminal, rows);
        return 0;
      }
      if (typed.options.check) {
        for (const one of pending) scene.terminal.out(`pending: ${one.name}\n`);
        return pending.length === 0 ? 0 : 1;
      }
      const done = await migrate(sql);
      scene.terminal.out(`applied=${done} version=${applied + done}\n`);
      return 0;
    });
  },
};

const configCommand: Command = {
  words: 'config',
  summary: 'Print every setting with its value, source, default and meaning.',
  args: [],
  options: [LISTEN[2]!],
  run: async (scene, typed) => {
    const loaded = load(scene.terminal, typed);
    if (!loaded) return EXIT_CONFIG;
    if (scene.terminal.json) show(scene.terminal, loaded.lines);
    else {
      table(
        scene.terminal,
        [{ title: 'NAME' }, { title: 'VALUE' }, { title: 'SOURCE' }, { title: 'DEFAULT' }, { title: 'MEANING' }],
        loaded.lines.map((line) => [line.name, line.value, line.source, line.default, line.about]),
      );
    }
    return 0;
  },
};

const doctorCommand: Command = {
  words: 'doctor',
  summary: 'Say what is truly active: server, key, permissions, database, blobs, clock.',
  args: [],
  options: [],
  run: async (scene) => doctor(scene),
};

export const serverCommands: readonly Command[] = [
  startCommand,
  serveCommand,
  migrateCommand,
  configCommand,
  doctorCommand,
];
