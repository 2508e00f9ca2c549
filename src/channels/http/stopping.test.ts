/** The stop of a server, as those see it who are connected. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { ADMIN_KEY, startTestServer } from '../../../test/harness.ts';

const head = (method: string, length: number, more: string): string =>
  `POST /api/nfs/${method} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${ADMIN_KEY}\r\n` +
  `Content-Type: application/json\r\nContent-Length: ${length}\r\n${more}\r\n\r\n`;

const listens = (url: string): Promise<boolean> =>
  fetch(url).then(
    () => true,
    () => false,
  );

test('what has begun is answered, what comes later on the same connection is refused as a fault', async () => {
  const lines: unknown[] = [];
  const server = await startTestServer({
    log: (level, event, { request_id, status }) => event === 'http.request' && lines.push([request_id, level, status]),
  });
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  let answers = '';
  socket.setEncoding('utf8').on('data', (text: string) => {
    answers += text;
  });
  const body = JSON.stringify({ params: { path: '/a', content: 'a' } });
  socket.write(head('write', body.length, 'Expect: 100-continue'));
  await expect.poll(() => answers).toContain('100 Continue');
  const stopped = server.stop();
  await expect.poll(() => listens(server.url)).toBe(false);
  socket.write(`${body}${head('exists', 2, 'X-Request-ID: late')}{}`);
  await once(socket, 'close');
  await stopped;
  const [, first = '', second = ''] = answers.split(/(?=HTTP\/1\.1 )/);
  expect(first).toMatch(/^HTTP\/1\.1 200 /);
  expect(first).toContain('"version":1');
  expect(second).toMatch(/^HTTP\/1\.1 503 /);
  const { error, request_id } = JSON.parse(second.slice(second.indexOf('\r\n\r\n')));
  expect(error.data).toMatchObject({ code: 'UNAVAILABLE', reason: 'stopping' });
  expect(request_id).toBe('late');
  expect(lines).toContainEqual(['late', 'error', 503]);
});
