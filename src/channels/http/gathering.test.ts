/** Requests of one turn: begun together, each once, in order, and not for a client that has gone. */
import { once } from 'node:events';
import type { Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { gatheringServer } from './gathering.ts';

let server: Server;
const begun: string[] = [];
beforeEach(async () => {
  begun.length = 0;
  server = gatheringServer(
    (request, response) => {
      begun.push(request.url ?? '');
      request.resume();
      request.on('end', () => response.end(request.url));
    },
    { http: {}, idleMs: 1_000 },
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(() => server.close());

const socketTo = async (): Promise<Socket> => {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
};
const head = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n${more}\r\n`;

test('what comes at once on one connection is answered in order', async () => {
  const socket = await socketTo();
  socket.write(head('/1') + head('/2') + head('/3', 'Connection: close\r\n'));
  let text = '';
  for await (const chunk of socket) text += chunk;
  expect(text.match(/^\/\d/gm)).toEqual(['/1', '/2', '/3']);
  expect(begun).toEqual(['/1', '/2', '/3']);
});

test('many connections at once are each served once', async () => {
  const paths = Array.from({ length: 50 }, (_, n) => `/${n}`);
  const { port } = server.address() as AddressInfo;
  const answers = await Promise.all(
    paths.map((path) => fetch(`http://127.0.0.1:${port}${path}`).then((a) => a.text())),
  );
  expect(answers).toEqual(paths);
  expect(begun.toSorted()).toEqual(paths.toSorted());
});

test('who is gone before the turn ends is not begun', async () => {
  const socket = await socketTo();
  server.once('request', (request) => request.socket.destroy());
  socket.write(head('/gone'));
  await once(socket, 'close');
  await sleep(20);
  expect(begun).toEqual([]);
});

test('a long upload has no limit on its time', () => {
  expect(server.requestTimeout).toBe(0);
});
