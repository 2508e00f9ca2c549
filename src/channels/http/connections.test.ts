/** Connections that fall silent, bodies nobody wanted, and bytes that are no HTTP. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exchange, openSocket, readAnswer } from '../../../test/raw-http.ts';
import { HEAD_BYTES, keepConnections } from './connections.ts';
import { gatheringServer } from './gathering.ts';
import { bodyOf } from './request.ts';

const IDLE_MS = 300;
const MIB = 1024 * 1024;

let app: FastifyInstance;
let url: string;
/** What became of the requests that the server began. */
const ended: string[] = [];
beforeAll(async () => {
  const connections = keepConnections(() => undefined);
  app = Fastify({
    serverFactory: (handler) => gatheringServer(handler, { http: { maxHeaderSize: HEAD_BYTES }, idleMs: IDLE_MS }),
    clientErrorHandler: connections.refuse,
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
  connections.mind(app);
  app.get('/long', async () => {
    await sleep(IDLE_MS * 4);
    return 'done';
  });
  app.get('/large', async (_request, reply) => {
    reply.raw.once('close', () => ended.push('large'));
    return reply.send(Buffer.alloc(64 * MIB));
  });
  app.post('/refused', async (_request, reply) => reply.code(403).send('no'));
  app.post('/half', async (request, reply) => {
    await bodyOf(request, reply).iterator({ destroyOnReturn: false }).next();
    return reply.code(413).send('enough');
  });
  app.post('/read', async (request, reply) => {
    let size = 0;
    for await (const piece of bodyOf(request, reply)) size += piece.length;
    return { size };
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
});
afterAll(() => app.close());

const post = (path: string, length: number): string =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\n`;

describe('a connection without a byte', () => {
  test.each([
    ['before the request', ''],
    ['inside its head', 'GET /long HTTP/1.1\r\nHo'],
    ['inside its body', `${post('/read', 10)}abc`],
  ])('%s is closed', async (_where, text) => {
    const socket = await openSocket(url);
    socket.on('error', () => undefined).write(text);
    await once(socket.resume(), 'close');
  });

  test('between two requests is closed', async () => {
    const socket = await openSocket(url);
    socket.write(`${post('/read', 3)}abc`);
    expect((await readAnswer(socket)).status).toBe(200);
    await once(socket.resume(), 'close');
  });

  test('taken of the answer is closed, and the answer given up', async () => {
    const socket = await openSocket(url);
    socket.on('error', () => undefined).write('GET /large HTTP/1.1\r\nHost: x\r\n\r\n');
    while (ended.length === 0) await sleep(20);
    socket.destroy();
    expect(ended).toEqual(['large']);
  });
});

test('bytes that trickle keep a connection open, however long it takes', async () => {
  const socket = await openSocket(url);
  socket.write(post('/read', 12));
  for (let sent = 0; sent < 12; sent++) {
    await sleep(IDLE_MS / 3);
    socket.write('x');
  }
  expect((await readAnswer(socket)).body.toString()).toBe('{"size":12}');
  socket.destroy();
});

test('a server that closes lets the answer end, and the connection with it', async () => {
  const connections = keepConnections(() => undefined);
  const other = Fastify({ keepAliveTimeout: 600_000, clientErrorHandler: connections.refuse });
  connections.mind(other);
  let answering = (): void => undefined;
  const asked = new Promise<void>((resolve) => {
    answering = resolve;
  });
  other.get('/', async () => {
    answering();
    await sleep(50);
    return 'done';
  });
  await other.listen({ host: '127.0.0.1', port: 0 });
  const socket = await openSocket(`http://127.0.0.1:${(other.server.address() as AddressInfo).port}`);
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await asked;
  const closed = other.close();
  expect((await readAnswer(socket)).body.toString()).toBe('done');
  await Promise.all([closed, once(socket.resume(), 'close')]);
});

test('a server at work is not a silent connection', async () => {
  expect((await exchange(url, 'GET /long HTTP/1.1\r\nHost: x\r\n\r\n')).body.toString()).toBe('done');
});

describe('a body that nobody wanted', () => {
  test.each(['/refused', '/half'])('at %s lets the next request follow', async (path) => {
    const socket = await openSocket(url);
    socket.write(post(path, 5 * MIB));
    if (path === '/half') socket.write('x');
    const rest = Buffer.alloc(5 * MIB - (path === '/half' ? 1 : 0), 'x');
    expect([403, 413]).toContain((await readAnswer(socket)).status);
    socket.write(rest);
    socket.write(`${post('/read', 3)}abc`);
    expect((await readAnswer(socket)).body.toString()).toBe('{"size":3}');
    socket.destroy();
  });

  test('is taken up to a measure', async () => {
    const socket = await openSocket(url);
    const closed = new Promise((resolve) => socket.on('error', () => undefined).on('close', resolve));
    socket.write(post('/half', 1024 * MIB));
    socket.write('x');
    expect((await readAnswer(socket)).status).toBe(413);
    const piece = Buffer.alloc(MIB);
    let sent = 0;
    while (!socket.destroyed && sent < 1000) {
      sent++;
      if (!socket.write(piece)) await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), closed]);
    }
    await closed;
    expect(sent).toBeGreaterThan(60);
    expect(sent).toBeLessThan(1000);
  });
});

describe('bytes that are no HTTP', () => {
  test.each([
    ['other words', 'hello\r\n\r\n', 400],
    ['two lengths', 'GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 400],
    ['a head too large', `GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(HEAD_BYTES)}\r\n\r\n`, 431],
  ])('%s', async (_what, text, status) => {
    const answer = await exchange(url, text);
    expect(answer.status).toBe(status);
    const { error, request_id } = JSON.parse(answer.body.toString());
    expect(error.code).toBe('INVALID_REQUEST');
    expect(request_id).toBe(answer.headers['x-request-id']);
  });

  test('end a connection whose answer is on its way, and say nothing into it', async () => {
    const socket = await openSocket(url);
    socket.on('error', () => undefined).write('GET /large HTTP/1.1\r\nHost: x\r\n\r\nrubbish\r\n\r\n');
    let text = '';
    for await (const bytes of socket) text += (bytes as Buffer).toString('latin1').replaceAll('\0', '');
    expect(text.match(/HTTP\/1\.1/g)).toHaveLength(1);
  });
});
