/**
 * P7: 1 KiB events published by 64 clients, each on disk before its answer, against NATS JetStream with its file store and
 * its default, which answers before the sync (platform.md §9). The peer is the program `nats-server` of Debian, if it is there.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startBenchServer } from './lib/child.ts';
import { answersPerSecond, httpAnswer } from './lib/conversations.ts';
import { measurePairs, printBar, type Side } from './lib/pairs.ts';

const CLIENTS = 64;
const SECONDS = 3;
const PAIRS = 5;
const PROGRAM = process.env.NEXUS_TEST_NATS_SERVER ?? 'nats-server';
const TEXT = 'x'.repeat(1000);

export async function run(): Promise<boolean> {
  const nexus = await startBenchServer();
  const { hostname, port } = new URL(nexus.ready.url);
  const ours: Side = {
    name: 'nexus, synced',
    measure: () =>
      answersPerSecond({
        host: hostname,
        port: Number(port),
        clients: CLIENTS,
        seconds: SECONDS,
        say: (n) => post(nexus.ready.key, JSON.stringify({ type: 'app.bench', data: { n, text: TEXT } })),
        heard: httpAnswer,
      }),
  };
  const nats = await startNats();
  if (!nats) {
    console.log(
      `P7  ${PROGRAM} is not there (apt install nats-server); nexus alone: ${Math.round(await ours.measure())} events/s`,
    );
    await nexus.stop();
    return true;
  }
  const theirs: Side = { name: 'NATS JetStream, not synced', measure: () => publishToNats(nats.port) };
  const result = await measurePairs(ours, theirs, PAIRS);
  await Promise.all([nexus.stop(), nats.stop()]);
  const bar = { id: 'P7', what: '1 KiB events, 64 clients', unit: 'events/s', bound: { atLeast: 1 } };
  return printBar(bar, { ours, theirs }, result);
}

const post = (key: string, body: string): string =>
  `POST /api/v2/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${key}\r\nContent-Type: application/json\r\n` +
  `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

interface Nats {
  readonly port: number;
  stop(): Promise<void>;
}

async function startNats(): Promise<Nats | undefined> {
  if (spawnSync(PROGRAM, ['--version']).error) return undefined;
  const directory = mkdtempSync(join(tmpdir(), 'nexus-nats-'));
  const port = await freePort();
  const child = spawn(PROGRAM, ['-js', '-sd', directory, '-a', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
  await sleep(1_000);
  const stream = JSON.stringify({ name: 'BENCH', subjects: ['bench'], storage: 'file', retention: 'limits' });
  await talkToNats(port, `PUB $JS.API.STREAM.CREATE.BENCH inbox.0 ${stream.length}\r\n${stream}\r\n`);
  return {
    port,
    stop: async () => {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill();
      await ended;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}

const greeting = (client: number): string => `CONNECT {"verbose":false}\r\nSUB inbox.${client} 1\r\n`;

/** What JetStream answers to one message: `MSG inbox.3 1 <bytes>` and that many bytes. */
function natsAnswer(text: string): number {
  const at = text.indexOf('MSG ');
  const line = at < 0 ? -1 : text.indexOf('\r\n', at);
  if (line < 0) return 0;
  const bytes = Number(text.slice(at, line).split(' ').at(-1));
  const whole = line + 2 + bytes + 2;
  if (text.length < whole) return 0;
  if (text.includes('"error"')) throw new Error(text);
  return whole;
}

const talkToNats = (port: number, message: string): Promise<number> =>
  answersPerSecond({
    host: '127.0.0.1',
    port,
    clients: 1,
    seconds: 0.001,
    greeting,
    say: () => message,
    heard: natsAnswer,
  });

/** Each client has an inbox of its own, so that it hears no answer to another. */
function publishToNats(port: number): Promise<number> {
  const payload = JSON.stringify({ type: 'app.bench', data: { n: 0, text: TEXT } });
  return answersPerSecond({
    host: '127.0.0.1',
    port,
    clients: CLIENTS,
    seconds: SECONDS,
    greeting,
    say: (_, client) => `PUB bench inbox.${client} ${payload.length}\r\n${payload}\r\n`,
    heard: natsAnswer,
  });
}
