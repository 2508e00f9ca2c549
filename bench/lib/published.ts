/**
 * The server as it is published, for what is compared with a peer's process as a whole: its memory, its start. The source would
 * bring what strips its types.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ADMIN_KEY, buildProgram } from '../../test/crash/program.ts';

export interface Published {
  readonly pid: number;
  readonly url: string;
  /** Owner of `/bench`, by one grant. */
  readonly key: string;
  readonly adminKey: string;
  /** Of its data. */
  readonly directory: string;
  stop(): Promise<void>;
}

/** `settings`: more of them. */
export async function startPublished(settings: Readonly<Record<string, string>> = {}): Promise<Published> {
  const program = buildProgram();
  const directory = mkdtempSync(join(process.env.NEXUS_TEST_BENCH_DIR ?? tmpdir(), 'nexus-bench-'));
  const said = join(directory, 'log');
  const log = openSync(said, 'a');
  const child = spawn(process.execPath, [join(program.folder, 'bin', 'nexus.mjs'), 'serve', '--port', '0'], {
    env: {
      PATH: process.env.PATH,
      NODE_COMPILE_CACHE: join(program.folder, 'cache'),
      NEXUS_DATA_DIR: join(directory, 'data'),
      NEXUS_BOOTSTRAP_ADMIN_KEY: ADMIN_KEY,
      // Rates are asked as always, and refuse nobody (files.md §13).
      NEXUS_RATE_LIMIT_OPERATOR_PER_MINUTE: '100000000',
      ...settings,
    },
    stdio: ['ignore', log, log],
  });
  // A bench that failed leaves no server behind.
  const end = (): unknown => child.kill('SIGKILL');
  process.once('exit', end);
  const url = await listening(child, said);
  const call = (method: string, params: object): Promise<Record<string, unknown>> => ask(url, method, params);
  const { key } = await call('admin_create_key', { name: 'bench', user_id: 'bench', role: 'operator' });
  await call('rebac_create', { subject: ['user', 'bench'], relation: 'direct_owner', object: ['file', '/bench'] });
  return {
    pid: child.pid ?? 0,
    url,
    key: String(key),
    adminKey: ADMIN_KEY,
    directory: join(directory, 'data'),
    stop: async () => {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
      process.off('exit', end);
      rmSync(directory, { recursive: true, force: true });
      program.remove();
    },
  };
}

async function listening(child: ChildProcess, said: string): Promise<string> {
  for (;;) {
    const text = readFileSync(said, 'utf8');
    const url = /listening at (\S+)\n/.exec(text)?.[1];
    if (url) return url;
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}: ${text}`);
    await sleep(20);
  }
}

async function ask(url: string, method: string, params: object): Promise<Record<string, unknown>> {
  const response = await fetch(`${url}/api/nfs/${method}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ params }),
  });
  const { result, error } = (await response.json()) as { result: Record<string, unknown>; error: unknown };
  if (error) throw new Error(`${method}: ${JSON.stringify(error)}`);
  return result;
}
