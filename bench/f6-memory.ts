/**
 * F6: 100 MB written, then read, through JSON and through PUT and GET: how far the server's resident bytes grow at most
 * (files.md §13). Each way has a server of its own, warmed by small bodies.
 */
import { Readable } from 'node:stream';
import { type Account, call, jsonHeaders } from './lib/calls.ts';
import { startBenchServer } from './lib/child.ts';
import { measuredOnce, printBar } from './lib/pairs.ts';
import { peakGrowth } from './lib/process-stats.ts';

const BODY_BYTES = 100_000_000;
const WARM_BYTES = 100_000;
const WARM_ROUNDS = 20;
const MEBIBYTE = 1024 * 1024;
const STREAM_BOUND = 64 * MEBIBYTE;
const CHUNK = Buffer.alloc(64 * 1024, 'nexus ');

type Way = (account: Account, bytes: number) => Promise<void>;

/** `bytes` of text without holding them. */
function* chunks(bytes: number): Generator<Buffer> {
  for (let left = bytes; left > 0; left -= CHUNK.length) yield CHUNK.subarray(0, Math.min(left, CHUNK.length));
}

async function countBytes(response: Response): Promise<number> {
  if (!response.ok || !response.body) throw new Error(`HTTP ${response.status}: ${await response.text()}`);
  let count = 0;
  for await (const chunk of response.body) count += chunk.length;
  return count;
}

/** A request whose body is made while it is sent, so that only the server's memory matters. */
const streaming = (headers: Record<string, string>, body: Iterable<Buffer>): RequestInit =>
  ({ headers, body: Readable.toWeb(Readable.from(body)), duplex: 'half' }) as RequestInit;

const throughJson: Way = async (account, bytes) => {
  function* body(): Generator<Buffer> {
    yield Buffer.from('{"params":{"path":"/bench/large.txt","content":"');
    yield* chunks(bytes);
    yield Buffer.from('"}}');
  }
  const url = `${account.url}/api/nfs/write`;
  await countBytes(await fetch(url, { method: 'POST', ...streaming(jsonHeaders(account.key), body()) }));
  const read = await fetch(`${account.url}/api/nfs/read`, {
    method: 'POST',
    headers: jsonHeaders(account.key),
    body: '{"params":{"path":"/bench/large.txt","encoding":"utf-8"}}',
  });
  const received = await countBytes(read);
  if (received < bytes) throw new Error(`read through JSON gave ${received} bytes`);
};

const throughStreams: Way = async (account, bytes) => {
  const url = `${account.url}/api/v2/files/bench/large.bin`;
  const headers = { authorization: `Bearer ${account.key}`, 'content-type': 'application/octet-stream' };
  await countBytes(await fetch(url, { method: 'PUT', ...streaming(headers, chunks(bytes)) }));
  const received = await countBytes(await fetch(url, { headers }));
  if (received !== bytes) throw new Error(`GET gave ${received} bytes`);
};

async function growth(way: Way): Promise<number> {
  const server = await startBenchServer();
  const pid = server.process.pid!;
  for (let i = 0; i < WARM_ROUNDS; i++) await way(server.ready, WARM_BYTES);
  const grown = await peakGrowth(pid, () => way(server.ready, BODY_BYTES));
  const { size } = (await call(server.ready, 'stat', {
    path: way === throughJson ? '/bench/large.txt' : '/bench/large.bin',
  })) as { size: number };
  if (size !== BODY_BYTES) throw new Error(`the file has ${size} bytes`);
  await server.stop();
  return grown / MEBIBYTE;
}

export async function run(): Promise<boolean> {
  const ours = { name: 'peak growth of the server' };
  const json = printBar(
    { id: 'F6', what: '100 MB write, then read, through JSON', unit: 'MiB', bound: { atMost: 3 } },
    { ours, theirs: { name: 'body' } },
    measuredOnce(await growth(throughJson), BODY_BYTES / MEBIBYTE),
  );
  const streams = printBar(
    { id: 'F6', what: '100 MB PUT, then GET', unit: 'MiB', bound: { atMost: 1 } },
    { ours, theirs: { name: 'allowed' } },
    measuredOnce(await growth(throughStreams), STREAM_BOUND / MEBIBYTE),
  );
  return json && streams;
}
