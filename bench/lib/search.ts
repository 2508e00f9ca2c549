/** What the benches of searches share: one call on a kept connection, one command, each timed to its last byte. */
import { spawn } from 'node:child_process';
import { Agent, request } from 'node:http';
import { type Account, jsonHeaders } from './calls.ts';

const agent = new Agent({ keepAlive: true });

/** Whoever measures drops the bytes as they come: what is done with them is no part of the bar. */
export type Take = (piece: Buffer) => void;

/** One call, to the end of its answer. */
export function ask(account: Account, asked: { method: string; params: object }, take: Take): Promise<void> {
  return new Promise((resolve, reject) => {
    const options = { method: 'POST', agent, headers: jsonHeaders(account.key) };
    const sent = request(`${account.url}/api/nfs/${asked.method}`, options, (response) => {
      response.on('data', take);
      response.on('error', reject);
      response.on('end', resolve);
    });
    sent.on('error', reject);
    sent.end(JSON.stringify({ params: asked.params }));
  });
}

/** One command, to the end of its output. Searches that find nothing end with 1. */
export function command([program, ...args]: readonly [string, ...string[]], take: Take): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout.on('data', take);
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0 || code === 1) resolve();
      else reject(new Error(`${program} ended with ${code}`));
    });
  });
}

/** All the bytes that work gives. */
export async function gathered(work: (take: Take) => Promise<void>): Promise<string> {
  const pieces: Buffer[] = [];
  await work((piece) => pieces.push(piece));
  return Buffer.concat(pieces).toString();
}

/** The answer of a call, which has to be a success. */
export function resultOf<T>(body: string): T {
  const { result, error } = JSON.parse(body) as { result: T; error: { message: string } | null };
  if (error) throw new Error(error.message);
  return result;
}

/** Milliseconds that work takes, to the last of its bytes. */
export async function timed(work: (take: Take) => Promise<void>): Promise<number> {
  const began = performance.now();
  await work(() => undefined);
  return performance.now() - began;
}

/** Throws unless both sides found the same. */
export function checkSame(what: string, ours: Iterable<string>, theirs: Iterable<string>): void {
  const [mine, other] = [new Set(ours), new Set(theirs)];
  const missing = [...other].filter((one) => !mine.has(one));
  const extra = [...mine].filter((one) => !other.has(one));
  if (missing.length + extra.length === 0) return;
  const shown = [...missing, ...extra].slice(0, 3).join(', ');
  throw new Error(`${what}: ${missing.length} not found, ${extra.length} too many: ${shown}`);
}
