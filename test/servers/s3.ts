/**
 * A private S3 server for tests: OpenStack Swift with its S3 API (s3-server.py), in a temporary directory, on a spare
 * loopback port, gone after `stop`. It ends with the thread that started it, however that ends.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import aws4 from 'aws4';
import { sparePort } from './spare-port.ts';

const PROGRAM = fileURLToPath(new URL('s3-server.py', import.meta.url));
/** Debian's own, which has Debian's packages. */
const PYTHON = '/usr/bin/python3';
const READY_MS_MAX = 30_000;

/** What its one user is known by. */
export const S3_USER = { accessKeyId: 'test:tester', secretAccessKey: 'testing' } as const;

export interface S3Server {
  /** `http://127.0.0.1:port`. */
  readonly endpoint: string;
  readonly port: number;
  /** Ends it as a crash does, and waits for the end. */
  kill(): Promise<void>;
  /** Starts it again, on the same port and with what it had. */
  resume(): Promise<void>;
  stop(): Promise<void>;
}

export async function startS3(): Promise<S3Server> {
  const directory = mkdtempSync(join(tmpdir(), 'nexus-s3-'));
  const port = await sparePort();
  let child = await launch(directory, port);
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  return {
    endpoint: `http://127.0.0.1:${port}`,
    port,
    kill,
    resume: async () => {
      child = await launch(directory, port);
    },
    stop: async () => {
      await kill();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function launch(directory: string, port: number): Promise<ChildProcess> {
  if (!existsSync(PYTHON)) throw new Error('the tests of S3 need Debian with: apt-get install python3-swift');
  const log = join(directory, 'log');
  const output = openSync(log, 'w');
  const command = ['--pdeathsig=KILL', PYTHON, '-I', PROGRAM, directory, String(port)];
  const child = spawn('setpriv', command, { stdio: ['ignore', output, output] });
  closeSync(output);
  const deadline = performance.now() + READY_MS_MAX;
  while (!readFileSync(log, 'utf8').includes('ready\n')) {
    if (child.exitCode !== null || performance.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`the S3 server did not start (apt-get install python3-swift):\n${readFileSync(log, 'utf8')}`);
    }
    await sleep(20);
  }
  return child;
}

/** A bucket of its own, by a request that owes nothing to the client under test. */
export async function createBucket(endpoint: string): Promise<string> {
  const bucket = `test-${randomUUID()}`;
  const response = await s3Request(endpoint, { method: 'PUT', path: `/${bucket}` });
  if (!response.ok) throw new Error(`no bucket: ${response.status} ${await response.text()}`);
  return bucket;
}

export interface S3Request {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** Bucket and key, percent-encoded, with a query. */
  readonly path: string;
  readonly body?: string;
}

/** One signed request, as another program would send it; its path is taken as it is. */
export async function s3Request(endpoint: string, { method, path, body }: S3Request): Promise<Response> {
  const { host } = new URL(endpoint);
  const signed = aws4.sign({ service: 's3', region: 'us-east-1', host, method, path, ...(body && { body }) }, S3_USER);
  const headers = signed.headers as Record<string, string>;
  const asked = request(endpoint, { method, path: signed.path, headers, agent: false });
  asked.end(body);
  const [answer] = await once(asked, 'response');
  const pieces: Buffer[] = [];
  for await (const piece of answer) pieces.push(piece);
  return new Response(answer.statusCode === 204 ? null : Buffer.concat(pieces), { status: answer.statusCode });
}
