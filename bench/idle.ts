/**
 * What a server costs that nobody calls: from the start of the process to its first ready answer, and what it holds in
 * memory when it has been idle for a while. The package as it is published, on a data directory that was there before,
 * beside Restate's server, which is fetched from npm for the run. Bars: ready within 1 s, at most 120 MB resident.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readEnvironment } from '../src/config/environment.ts';
import { sparePort } from '../test/servers/spare-port.ts';
import { measuredOnce, median, printBar } from './lib/pairs.ts';
import { residentBytes } from './lib/process-stats.ts';

const ROOT = join(import.meta.dirname, '..');
const RESTATE = '1.7.12';
const RUNS = 5;
const READY_MS = 1_000;
const RESIDENT_MB = 120;
/** Until what a start needed only for itself has been given back. */
const IDLE_MS = 15_000;
const GIVE_UP_MS = 60_000;
/** Characters. */
const LAST_WORDS = 2_000;

interface Server {
  readonly name: string;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Answers 200 when it is ready. */
  readonly ready: string;
}

interface Seen {
  readonly readyMs: number;
  readonly residentMb: number;
}

async function builtPackage(place: string): Promise<Server> {
  for (const part of ['bin', 'migrations', 'package.json'])
    cpSync(join(ROOT, part), join(place, part), { recursive: true });
  execFileSync(process.execPath, [join(ROOT, 'tools/build.ts'), join(place, 'dist')]);
  const port = await sparePort();
  return {
    name: 'nexus',
    command: [process.execPath, join(place, 'bin/nexus.mjs'), 'serve'],
    env: { NEXUS_DATA_DIR: join(place, 'data'), NEXUS_PORT: String(port), HOME: place },
    ready: `http://127.0.0.1:${port}/healthz/ready`,
  };
}

async function restate(place: string): Promise<Server> {
  execFileSync('npm', [
    'install',
    '--silent',
    '--no-audit',
    '--no-fund',
    '--prefix',
    place,
    `@restatedev/restate-server@${RESTATE}`,
  ]);
  const binary = globSync('node_modules/@restatedev/restate-server-*/bin/restate-server', { cwd: place })[0];
  if (!binary) throw new Error('npm brought no restate-server for this machine');
  const [ingress, admin, node] = [await sparePort(), await sparePort(), await sparePort()];
  return {
    name: 'restate-server',
    command: [join(place, binary), '--base-dir', join(place, 'data'), '--no-logo'],
    env: {
      RESTATE_INGRESS__BIND_ADDRESS: `127.0.0.1:${ingress}`,
      RESTATE_ADMIN__BIND_ADDRESS: `127.0.0.1:${admin}`,
      RESTATE_BIND_ADDRESS: `127.0.0.1:${node}`,
      RESTATE_ADVERTISED_ADDRESS: `http://127.0.0.1:${node}`,
      DO_NOT_TRACK: '1',
      // It leaves directories there.
      TMPDIR: place,
    },
    ready: `http://127.0.0.1:${admin}/health`,
  };
}

async function untilReady(url: string, ended: AbortSignal): Promise<number> {
  const began = performance.now();
  while (!ended.aborted && performance.now() - began < GIVE_UP_MS) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) return performance.now() - began;
    await sleep(5);
  }
  throw new Error(`${url} does not become ready`);
}

/** The end of what a process says on stderr. */
function lastWords({ stderr }: ChildProcess): () => string {
  let said = '';
  stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-LAST_WORDS);
  });
  return () => said;
}

/** A server that ends before it is told to is named, with how it ended and what it said. */
async function look({ name, command, env, ready }: Server): Promise<Seen> {
  const [file = '', ...args] = command;
  const child = spawn(file, args, { env: { ...readEnvironment(), ...env }, stdio: ['ignore', 'ignore', 'pipe'] });
  const words = lastWords(child);
  const ended = new AbortController();
  const closed = once(child, 'close').then(([code, signal]) => {
    ended.abort(new Error(`${name} ended with ${code ?? signal} by itself. The end of its stderr:\n${words()}`));
  });
  try {
    const readyMs = await untilReady(ready, ended.signal);
    await sleep(IDLE_MS, undefined, { signal: ended.signal });
    return { readyMs, residentMb: residentBytes(child.pid ?? 0) / 1e6 };
  } catch (thrown) {
    throw ended.signal.aborted ? ended.signal.reason : thrown;
  } finally {
    child.kill('SIGTERM');
    await closed;
  }
}

/** What each server showed in each of its starts, by turns. */
async function looks(servers: readonly Server[]): Promise<Seen[][]> {
  const seen: Seen[][] = servers.map(() => []);
  // The first makes the data directory, and the cache of compiled code.
  for (let n = 0; n <= RUNS; n++) {
    for (const [side, server] of servers.entries()) {
      const one = await look(server);
      if (n > 0) seen[side]?.push(one);
    }
  }
  return seen;
}

export async function run(): Promise<boolean> {
  const place = mkdtempSync(join(tmpdir(), 'nexus-idle-'));
  const seen = await (async () =>
    looks([await builtPackage(join(place, 'nexus')), await restate(join(place, 'restate'))]))().finally(() =>
    rmSync(place, { recursive: true, force: true }),
  );
  const figures = {
    readyMs: ['start to ready', 'ms', READY_MS],
    residentMb: ['resident when idle', 'MB', RESIDENT_MB],
  } as const;
  let met = true;
  for (const [key, [what, unit, bound]] of Object.entries(figures)) {
    const [ours = [], theirs = []] = seen.map((side) => side.map((one) => one[key as keyof Seen]));
    const bar = {
      id: 'IDLE',
      what: `${what} (restate-server ${RESTATE}: ${median(theirs).toFixed(0)} ${unit})`,
      unit,
      bound: { atMost: 1 },
    };
    const sides = { ours: { name: `nexus, ${RUNS} starts` }, theirs: { name: 'bar' } };
    met = printBar(bar, sides, { ...measuredOnce(median(ours), bound), ours }) && met;
  }
  return met;
}
