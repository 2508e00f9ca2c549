/** Which verbs a path has: told by the routes that really are there, those with a path of any depth among them. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADMIN_KEY, startTestServer, type TestServer } from '../../../test/harness.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

async function told(method: string, path: string): Promise<readonly [number, string | null]> {
  const answer = await server.http(`/api/v2/sync${path}`, {
    method,
    headers: { authorization: `Bearer ${ADMIN_KEY}` },
  });
  await answer.arrayBuffer();
  return [answer.status, answer.headers.get('allow')];
}

test.each([
  ['GET', '/mounts/a/b/push', 405, 'POST'],
  ['GET', '/mounts/push', 405, 'POST'],
  ['PUT', '/mounts//pull', 405, 'POST'],
  ['POST', '/mounts/a/b/status', 405, 'GET'],
  ['GET', '/mounts/a/b/other', 404, null],
  ['DELETE', '/mounts', 404, null],
  ['PUT', '/conflicts', 405, 'GET, HEAD'],
])('%s %s is %i', async (method, path, status, allow) => {
  expect(await told(method, path)).toEqual([status, allow]);
});
