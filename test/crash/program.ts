/**
 * The program as it is published, and running processes of it: started with production's own entry, called over HTTP,
 * ended by SIGKILL or as an operator would. The bundle starts three times as fast as the source.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const ROOT = join(import.meta.dirname, '..', '..');
export const ADMIN_KEY = 'admin-key-for-crashes-01';
/** What a preloaded file changes below the program: see weakened.ts. */
const WEAKENED = pathToFileURL(join(import.meta.dirname, 'weakened.ts')).href;

/** A built program in a folder of its own. */
export interface Program {
  readonly folder: string;
  /** More settings of its servers, by their data directory. */
  readonly settings?: ((directory: string) => Readonly<Record<string, string>>) | undefined;
  remove(): void;
}

export function buildProgram(): Program {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-crash-'));
  execFileSync(process.execPath, [join(ROOT, 'tools', 'build.ts'), join(folder, 'dist')], { stdio: 'inherit' });
  for (const part of ['bin', 'migrations', 'package.json'])
    cpSync(join(ROOT, part), join(folder, part), { recursive: true });
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** What came of a call, as far as its caller can know. */
export type Outcome<R = unknown> =
  | { readonly kind: 'done'; readonly result: R }
  | { readonly kind: 'refused'; readonly code: string; readonly data: Readonly<Record<string, unknown>> }
  /** No whole answer, or one that tells so. */
  | { readonly kind: 'unknown'; readonly told: boolean };

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Call {
  readonly method: string;
  readonly params: object;
  /** Sent as the request id; events and audit rows carry it. */
  readonly id?: string;
}

export interface Child {
  readonly pid: number;
  readonly url: string;
  /** Resolves when the process is gone, whoever ended it. */
  readonly ended: Promise<Ending>;
  /** What it wrote to stderr so far. */
  errors(): string;
  call<R>(call: Call): Promise<Outcome<R>>;
  /** The result of a call that has to succeed. */
  ok<R>(method: string, params: object): Promise<R>;
  /** SIGKILL, and waits for the end. */
  kill(): Promise<Ending>;
  /** SIGTERM, and waits for the end. */
  stop(): Promise<Ending>;
}

export interface ChildOptions {
  readonly directory: string;
  /** Settings of weakened.ts, which is loaded when there are any. */
  readonly weakened?: Readonly<Record<string, string>>;
}

/** A process that was started and may not listen yet. */
export interface Starting {
  readonly ended: Promise<Ending>;
  readonly listening: Promise<Child>;
  kill(): Promise<Ending>;
}

export function spawnChild(program: Program, options: ChildOptions): Starting {
  const { directory, weakened } = options;
  const environment = {
    PATH: process.env.PATH,
    NODE_COMPILE_CACHE: join(program.folder, 'cache'),
    NEXUS_DATA_DIR: directory,
    NEXUS_BOOTSTRAP_ADMIN_KEY: ADMIN_KEY,
    NEXUS_LOG_LEVEL: 'warn',
    ...program.settings?.(directory),
    ...weakened,
  };
  const preload = weakened ? ['--import', WEAKENED] : [];
  const command = [...preload, join(program.folder, 'bin', 'nexus.mjs'), 'serve', '--port', '0'];
  const child = spawn(process.execPath, command, {
    env: environment,
    cwd: program.folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error('the server could not be started');
  let errors = '';
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-20_000);
  });
  const ended = once(child, 'exit').then(([code, signal]): Ending => ({ code, signal }));
  const end = async (signal: NodeJS.Signals): Promise<Ending> => {
    child.kill(signal);
    return ended;
  };
  const kill = (): Promise<Ending> => end('SIGKILL');
  const listening = new Promise<Child>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      const url = /listening at (\S+)\n/.exec(said)?.[1];
      if (url) resolve({ pid, url, ended, errors: () => errors, ...caller(url), kill, stop: () => end('SIGTERM') });
    });
    void ended.then(({ code, signal }) => reject(new Error(`the server ended with ${code ?? signal}: ${errors}`)));
  });
  // Whoever kills it while it starts does not wait for it to listen.
  listening.catch(() => undefined);
  return { ended, listening, kill };
}

export const startChild = (program: Program, options: ChildOptions): Promise<Child> =>
  spawnChild(program, options).listening;

function caller(url: string): Pick<Child, 'call' | 'ok'> {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const call = async <R>(asked: Call): Promise<Outcome<R>> => {
    const answer = await post(url, asked, agent);
    if (answer === undefined) return { kind: 'unknown', told: false };
    const { result, error } = JSON.parse(answer);
    if (!error) return { kind: 'done', result };
    if (error.data?.outcome === 'unknown') return { kind: 'unknown', told: true };
    return { kind: 'refused', code: error.data?.code ?? error.code, data: error.data ?? {} };
  };
  const ok = async <R>(method: string, params: object): Promise<R> => {
    const outcome = await call<R>({ method, params });
    if (outcome.kind === 'done') return outcome.result;
    throw new Error(`${method} ${JSON.stringify(params)}: ${JSON.stringify(outcome)}`);
  };
  return { call, ok };
}

/** The body of the answer; undefined unless all of it came. */
function post(url: string, { method, params, id }: Call, agent: Agent): Promise<string | undefined> {
  const body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', params, id: 1 }));
  const headers = {
    authorization: `Bearer ${ADMIN_KEY}`,
    'content-type': 'application/json',
    'content-length': body.length,
    ...(id === undefined ? {} : { 'x-request-id': id }),
  };
  return new Promise((resolve) => {
    const lost = (): void => resolve(undefined);
    const asked = request(`${url}/api/nfs/${method}`, { method: 'POST', headers, agent }, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('end', () => resolve(response.complete ? Buffer.concat(pieces).toString('utf8') : undefined));
      response.on('error', lost);
      response.on('close', lost);
    });
    asked.on('error', lost);
    asked.end(body);
  });
}
