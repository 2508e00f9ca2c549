/** Content under way: slow readers, readers that leave, content that breaks. */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { exchange, openSocket } from '../../../test/raw-http.ts';
import { sendPieces } from './file-bytes-send.ts';

const PIECE = 64 * 1024;
/** Together more than the buffers of both ends of a connection take. */
const PIECES = 400;

let app: FastifyInstance;
let url: string;
let response: ServerResponse;
let produced = 0;
let closed = 0;
let broken: unknown;
const given: Buffer[] = [];

async function* pieces(failAt = Number.POSITIVE_INFINITY): AsyncGenerator<Uint8Array> {
  try {
    while (produced < PIECES) {
      if (produced === failAt) throw new Error('damaged');
      produced++;
      const piece = Buffer.alloc(PIECE, 'x');
      given.push(piece);
      yield piece;
    }
  } finally {
    closed++;
  }
}

beforeAll(async () => {
  app = Fastify();
  app.get<{ Querystring: { failAt?: string } }>('/', (request, reply) => {
    response = reply.raw;
    const { failAt } = request.query;
    reply.header('content-length', PIECE * PIECES).header('x-own', 'kept');
    return sendPieces(reply, {
      pieces: pieces(failAt === undefined ? undefined : Number(failAt)),
      length: PIECE * PIECES,
      onBroken: (reason) => {
        broken = reason;
      },
    });
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
});
afterAll(() => app.close());
beforeEach(() => {
  produced = 0;
  closed = 0;
  broken = undefined;
  given.length = 0;
});

const ask = (query = ''): string => `GET /${query} HTTP/1.1\r\nHost: x\r\n\r\n`;
const until = async (done: () => boolean): Promise<void> => {
  while (!done()) await sleep(10);
};

/** Waits until the reading stands still. */
async function stalled(): Promise<void> {
  for (let before = -1; before !== produced || produced === 0; ) {
    before = produced;
    await sleep(100);
  }
}

test('goes out whole, with the headers of the reply', async () => {
  const answer = await exchange(url, ask());
  expect([answer.status, answer.headers['x-own'], answer.body.length]).toEqual([200, 'kept', PIECE * PIECES]);
  await until(() => closed === 1);
});

test('a piece that has left takes no memory any more', async () => {
  await exchange(url, ask());
  const lasting = given.filter(({ length }) => length > 0);
  expect([given.length, lasting.length]).toEqual([PIECES, 1]);
});

test('a reader that stops holds one piece, and the rest is not read; when it leaves, the reading ends', async () => {
  const socket = await openSocket(url);
  socket.write(ask());
  await stalled();
  expect(produced).toBeLessThan(PIECES);
  expect(response.writableLength).toBeLessThanOrEqual(PIECE);
  expect(closed).toBe(0);
  socket.destroy();
  await until(() => closed === 1);
  expect(broken).toBeUndefined();
});

test('content that fails before its first piece is a failure like any other', async () => {
  expect((await exchange(url, ask('?failAt=0'))).status).toBe(500);
  expect([closed, broken]).toEqual([1, undefined]);
});

test('content that fails midway ends the connection before the end', async () => {
  const socket = await openSocket(url);
  let received = 0;
  socket
    .on('error', () => undefined)
    .on('data', (bytes) => {
      received += bytes.length;
    });
  socket.write(ask('?failAt=5'));
  await once(socket, 'close');
  expect(received).toBeLessThan(PIECE * PIECES);
  await until(() => closed === 1);
  expect(broken).toEqual(new Error('damaged'));
});
