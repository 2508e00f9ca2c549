/**
 * Where a queue is put under fire: servers and workers of the published program on one SQLite file, or two servers, a worker
 * and a PostgreSQL server of their own. Guarantees: whatever was killed or paused is there again after `mend`; nothing is
 * left after `close`.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildProgram, type Child, type Program, startChild } from '../crash/program.ts';
import type { EngineName } from '../harness.ts';
import { createDatabase, type PostgresServer, startPostgres } from '../servers/postgres.ts';

/** A process that is started again whenever it has ended. */
interface Kept {
  readonly pid: () => number | undefined;
  readonly url: () => string | undefined;
  readonly ready: () => Promise<void>;
  readonly close: () => Promise<void>;
}

export interface Place {
  readonly servers: readonly Kept[];
  readonly worker: Kept;
  readonly postgres: { readonly server: PostgresServer; readonly url: string } | undefined;
  urls(): readonly string[];
  /** Everybody is there and answers. */
  mend(): Promise<void>;
  close(): Promise<void>;
}

const SETTINGS = {
  NEXUS_WORKER_LEASE_SECONDS: '4',
  NEXUS_WORKER_HEARTBEAT_SECONDS: '1',
  NEXUS_WORKER_POLL_SECONDS: '0.1',
  NEXUS_WORKER_SLOTS: '8',
  // Few, so that they can all be taken.
  NEXUS_DB_POOL_SIZE: '3',
  NEXUS_DB_MAX_OVERFLOW: '2',
  NEXUS_LOG_LEVEL: 'fatal',
};

export async function openPlace(engine: EngineName): Promise<Place> {
  const directory = mkdtempSync(join(tmpdir(), 'nexus-fire-'));
  const server = engine === 'postgres' ? await startPostgres() : undefined;
  const url = server && (await createDatabase(server)).url;
  const shared: Readonly<Record<string, string>> = url
    ? { NEXUS_DATABASE_URL: url, NEXUS_BLOBS_URL: `file://${join(directory, 'blobs')}` }
    : {};
  const settings = { ...SETTINGS, ...shared };
  const program: Program = { ...buildProgram(), settings: () => settings };
  const home = (n: number): string => (url ? join(directory, `node-${n}`) : directory);
  const first = keepServer(program, home(1));
  await first.ready();
  const servers = url ? [first, keepServer(program, home(2))] : [first];
  const worker = keepWorker(program, url ? home(3) : directory);
  const all = [...servers, worker];
  const urls = (): string[] => servers.flatMap((one) => one.url() ?? []);
  return {
    servers,
    worker,
    postgres: server && url ? { server, url } : undefined,
    urls,
    mend: async () => {
      await server?.resume();
      for (const one of all) resume(one);
      for (const one of all) await one.ready();
      while (!(await allAnswer(urls(), servers.length))) await sleep(100);
    },
    close: async () => {
      for (const one of all) resume(one);
      for (const one of all) await one.close();
      await server?.stop();
      program.remove();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export function signal(kept: Kept, name: NodeJS.Signals): void {
  const pid = kept.pid();
  if (pid === undefined) return;
  try {
    process.kill(pid, name);
  } catch {
    // It has just ended.
  }
}

const resume = (kept: Kept): void => signal(kept, 'SIGCONT');

async function allAnswer(urls: readonly string[], count: number): Promise<boolean> {
  if (urls.length < count) return false;
  const healthy = await Promise.all(
    urls.map((url) =>
      fetch(`${url}/healthz/ready`, { signal: AbortSignal.timeout(2_000) }).then(
        ({ ok }) => ok,
        () => false,
      ),
    ),
  );
  return healthy.every((ok) => ok);
}

function keepServer(program: Program, directory: string): Kept {
  let running: Child | undefined;
  let closing = false;
  const live = async (): Promise<void> => {
    while (!closing) {
      // One that cannot start, as PostgreSQL is away, tries again.
      running = await startChild(program, { directory }).catch(() => undefined);
      await running?.ended;
      running = undefined;
      await sleep(100);
    }
  };
  const living = live();
  return {
    pid: () => running?.pid,
    url: () => running?.url,
    ready: async () => {
      while (!running) await sleep(30);
    },
    close: async () => {
      closing = true;
      await running?.kill();
      await living;
    },
  };
}

function keepWorker(program: Program, directory: string): Kept {
  let running: ReturnType<typeof spawn> | undefined;
  let closing = false;
  const live = async (): Promise<void> => {
    while (!closing) {
      const env = { PATH: process.env.PATH, NEXUS_DATA_DIR: directory, ...program.settings?.(directory) };
      const command = [join(program.folder, 'bin', 'nexus.mjs'), 'worker'];
      running = spawn(process.execPath, command, { cwd: program.folder, env, stdio: 'ignore' });
      await once(running, 'exit');
      running = undefined;
      await sleep(100);
    }
  };
  const living = live();
  return {
    pid: () => running?.pid,
    url: () => undefined,
    ready: async () => {
      while (!running) await sleep(30);
    },
    close: async () => {
      closing = true;
      running?.kill('SIGKILL');
      await living;
    },
  };
}
