/**
 * A cluster as an operator has it: servers and a worker as processes of their own, each with the two variables that make a
 * node and nothing else, and HAProxy with the file of deploy/ in front. All of it ends with the thread that started it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readEnvironment } from '../../src/config/environment.ts';
import { sparePort } from '../servers/spare-port.ts';

const ROOT = join(import.meta.dirname, '../..');
export const HAPROXY_FILE = join(ROOT, 'deploy/haproxy.cfg');
const READY_MS_MAX = 120_000;
const LOOK_MS = 50;

/** Debian puts it where only root looks. */
export const haproxyProgram = (): string => (existsSync('/usr/sbin/haproxy') ? '/usr/sbin/haproxy' : 'haproxy');

export interface Process {
  /** The last lines of what it wrote to stderr. */
  readonly log: () => string;
  /** Its exit code; null where a signal ended it. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null>;
}

interface Program {
  readonly line: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

const LOG_KEPT = 20_000;

function run({ line, env, cwd }: Program): Process & { readonly child: ChildProcess } {
  const plain = Object.entries(readEnvironment()).filter(([name]) => !/^(NEXUS|AWS)_/.test(name));
  const child = spawn('setpriv', ['--pdeathsig=KILL', ...line], {
    cwd,
    env: { ...Object.fromEntries(plain), ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let written = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    written = (written + text).slice(-LOG_KEPT);
  });
  return {
    child,
    log: () => written,
    end: async (signal) => {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      const ended = once(child, 'exit');
      child.kill(signal);
      const [code] = await ended;
      return code;
    },
  };
}

/** Until it holds; what is told otherwise says why it does not. */
export async function until(holds: () => Promise<boolean> | boolean, why: () => string): Promise<void> {
  const deadline = performance.now() + READY_MS_MAX;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(why());
    await sleep(LOOK_MS);
  }
}

const answers = (url: string): Promise<boolean> =>
  fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );

export interface ClusterNode extends Process {
  readonly url: string;
  start(): Promise<void>;
}

export interface Settings {
  readonly NEXUS_DATABASE_URL: string;
  readonly NEXUS_BLOBS_URL: string;
}

export class Cluster {
  readonly nodes: ClusterNode[] = [];
  /** Where HAProxy listens. */
  url = '';
  private readonly directory = mkdtempSync(join(tmpdir(), 'nexus-cluster-'));
  private readonly others: Process[] = [];
  private readonly settings: Settings;

  constructor(settings: Settings) {
    this.settings = settings;
  }

  async addNode(): Promise<ClusterNode> {
    const port = await sparePort();
    const url = `http://127.0.0.1:${port}`;
    let process = this.nexus(['serve', '--port', String(port)]);
    const ready = (): Promise<void> =>
      until(
        () => answers(`${url}/healthz/ready`),
        () => `${url} is not ready: ${process.log()}`,
      );
    await ready();
    const node: ClusterNode = {
      url,
      log: () => process.log(),
      end: (signal) => process.end(signal),
      start: async () => {
        process = this.nexus(['serve', '--port', String(port)]);
        await ready();
      },
    };
    this.nodes.push(node);
    return node;
  }

  addWorker(): void {
    this.others.push(this.nexus(['worker']));
  }

  /** In front of the first three nodes. */
  async addBalancer(): Promise<void> {
    const port = await sparePort();
    const socket = join(this.directory, 'haproxy.sock');
    const more = join(this.directory, 'more.cfg');
    writeFileSync(more, `global\n  stats socket ${socket} mode 600\n`);
    const spare = '127.0.0.1:1';
    const addresses = [0, 1, 2].map((n) => this.nodes[n]?.url.slice('http://'.length) ?? spare);
    const named = Object.fromEntries(addresses.map((address, n) => [`NODE_${n + 1}`, address]));
    const process = run({
      line: [haproxyProgram(), '-db', '-f', HAPROXY_FILE, '-f', more],
      env: { LISTEN: `127.0.0.1:${port}`, ...named },
      cwd: this.directory,
    });
    this.others.push(process);
    this.url = `http://127.0.0.1:${port}`;
    const all = (): Promise<boolean> => this.balances(this.nodes.length);
    await until(all, () => `HAProxy does not see the nodes: ${process.log()}`);
  }

  /** Does HAProxy send requests to so many nodes? */
  async balances(nodes: number): Promise<boolean> {
    const told = await askHaproxy(join(this.directory, 'haproxy.sock'), 'show stat');
    const up = told.split('\n').filter((line) => /^nodes,node-\d,.*,UP,/.test(line));
    return up.length === nodes;
  }

  async stop(): Promise<void> {
    await Promise.all([...this.nodes, ...this.others].map((process) => process.end('SIGKILL')));
    rmSync(this.directory, { recursive: true, force: true });
  }

  private nexus(words: readonly string[]): Process {
    const bin = join(ROOT, 'bin/nexus.mjs');
    return run({ line: [process.execPath, bin, ...words], env: { ...this.settings }, cwd: this.directory });
  }
}

async function askHaproxy(path: string, question: string): Promise<string> {
  const socket = connect(path);
  try {
    socket.setEncoding('utf8').end(`${question}\n`);
    let told = '';
    for await (const text of socket) told += text;
    return told;
  } catch {
    return '';
  }
}
