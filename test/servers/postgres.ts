/**
 * A private PostgreSQL for tests: made in a temporary directory, on a spare loopback port, gone after `stop`. It syncs as
 * a real one does, and sorts text as a real one does (ICU), so that what has to compare by byte must say so. It ends with
 * the thread that started it, however that ends.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, closeSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { sparePort } from './spare-port.ts';

const DEBIAN = '/usr/lib/postgresql';
const READY_MS_MAX = 30_000;

export interface PostgresServer {
  urlOf(database: string): string;
  /** Ends it, `SIGINT` by a fast shutdown and `SIGQUIT` as a crash does, and waits for the end. */
  halt(signal: 'SIGINT' | 'SIGQUIT'): Promise<void>;
  /** Starts it again on the same port. */
  resume(): Promise<void>;
  stop(): Promise<void>;
}

/** `buffersMiB`: its own memory for pages; little, for there are several of it, unless it is to be measured. */
export async function startPostgres(buffersMiB = 16): Promise<PostgresServer> {
  const directory = mkdtempSync(join(tmpdir(), 'nexus-postgres-'));
  const drop = ownedByPostgres(directory);
  const data = join(directory, 'data');
  const flags = ['--username=postgres', '--auth=trust', '--encoding=UTF8', '--no-sync', '--locale=C.UTF-8'];
  const initdb = [program('initdb'), `--pgdata=${data}`, ...flags, '--locale-provider=icu', '--icu-locale=en'];
  execFileSync('setpriv', [...drop, ...initdb], { stdio: ['ignore', 'ignore', 'pipe'] });
  const port = await sparePort();
  const urlOf = (database: string): string => `postgres://postgres@127.0.0.1:${port}/${database}`;
  const launch = (): Promise<ChildProcess> =>
    launchPostmaster({ directory, data, port, drop, url: urlOf('postgres'), buffersMiB });
  let child = await launch();
  const halt = async (signal: 'SIGINT' | 'SIGQUIT'): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  };
  return {
    urlOf,
    halt,
    resume: async () => {
      child = await launch();
    },
    stop: async () => {
      await halt('SIGINT');
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** A database of its own; `drop` also ends the connections that are left. */
export async function createDatabase(
  server: Pick<PostgresServer, 'urlOf'>,
): Promise<{ url: string; drop(): Promise<void> }> {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  const admin = server.urlOf('postgres');
  await runOn(admin, `CREATE DATABASE ${name}`);
  return { url: server.urlOf(name), drop: () => runOn(admin, `DROP DATABASE ${name} WITH (FORCE)`) };
}

/** Runs statements on a connection of their own. */
export async function runOn(url: string, statements: string): Promise<void> {
  const client = new Client({ connectionString: url });
  // A server that stops while the connection idles says so by an event; what matters fails by itself.
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query(statements);
  } finally {
    await client.end();
  }
}

/** PostgreSQL refuses to run as root: arguments of setpriv under which it runs as `postgres` then. */
function ownedByPostgres(directory: string): string[] {
  if (process.getuid?.() !== 0) return [];
  const idOf = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  const [uid, gid] = [idOf('-u'), idOf('-g')];
  chownSync(directory, uid, gid);
  return [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
}

/** A program of the newest PostgreSQL of the machine. */
function program(name: string): string {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : [];
  const found = versions.map((version) => join(DEBIAN, version, 'bin', name)).find(existsSync);
  if (!found) throw new Error(`${name} is missing: apt-get install postgresql`);
  return found;
}

interface Launch {
  readonly directory: string;
  readonly data: string;
  readonly port: number;
  readonly drop: readonly string[];
  readonly url: string;
  readonly buffersMiB: number;
}

async function launchPostmaster(launch: Launch): Promise<ChildProcess> {
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(launch.port),
    unix_socket_directories: launch.directory,
    shared_buffers: `${launch.buffersMiB}MB`,
    max_connections: '200',
    fsync: 'on',
  };
  const log = join(launch.directory, 'log');
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const command = [...launch.drop, '--pdeathsig=INT', program('postgres'), '-D', launch.data, ...flags];
  const output = openSync(log, 'a');
  const child = spawn('setpriv', command, { stdio: ['ignore', output, output] });
  closeSync(output);
  const deadline = performance.now() + READY_MS_MAX;
  for (;;) {
    const ready = await runOn(launch.url, 'SELECT 1').then(
      () => true,
      () => false,
    );
    if (ready) return child;
    if (child.exitCode !== null || performance.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`PostgreSQL did not start:\n${readFileSync(log, 'utf8')}`);
    }
    await sleep(20);
  }
}
