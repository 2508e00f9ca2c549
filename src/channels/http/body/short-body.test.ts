/** Bodies of announced length arrive whole, however they come: at once, in parts, many on one connection. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADMIN_KEY, startTestServer, type TestServer } from '../../../../test/harness.ts';
import { openSocket, readAnswer } from '../../../../test/raw-http.ts';

const SIZES = [0, 1, 1_000, 16_000, 65_000, 66_000, 131_072, 240_000, 700_000, 1_000_000];

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

const contentOf = (size: number): string =>
  Array.from({ length: size }, (_, n) => String.fromCharCode(97 + (n % 26))).join('');

function requestOf(size: number): Buffer {
  const body = JSON.stringify({ params: { path: `/s/${size}`, content: contentOf(size) } });
  const head = ['POST /api/nfs/write HTTP/1.1', 'Host: x', `Authorization: Bearer ${ADMIN_KEY}`];
  return Buffer.from([...head, `Content-Length: ${body.length}`, '', body].join('\r\n'));
}

async function expectWritten(size: number): Promise<void> {
  expect(await server.ok('read', { path: `/s/${size}`, encoding: 'utf-8' })).toBe(contentOf(size));
}

test.each(SIZES)('%i bytes in one piece, among others', async (size) => {
  const content = contentOf(size);
  await Promise.all(Array.from({ length: 6 }, (_, n) => server.ok('write', { path: `/s/${size}/${n}`, content })));
  for (let n = 0; n < 6; n++) {
    expect(await server.ok('read', { path: `/s/${size}/${n}`, encoding: 'utf-8' })).toBe(content);
  }
  await server.ok('rmdir', { path: `/s/${size}`, recursive: true });
});

test.each(SIZES)('%i bytes cut at any place, one request after the other on a connection', async (size) => {
  const request = requestOf(size);
  const socket = await openSocket(server.url);
  for (const cut of [1, 40, request.length - size - 1, request.length - Math.ceil(size / 2), request.length - 1]) {
    socket.write(request.subarray(0, cut));
    await sleep(5);
    socket.write(request.subarray(cut));
    const { status, body } = await readAnswer(socket);
    expect([status, JSON.parse(String(body)).error]).toEqual([200, null]);
    await expectWritten(size);
  }
  socket.destroy();
});
