/** Jobs that a call runs at once, while what they are for is off. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { forEachEngine, startTestServer, type TestServer } from '../../../test/harness.ts';

forEachEngine('a job of a brick that is off', (engine) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ engine });
  });
  afterAll(() => server.stop());

  const post = async (path: string, fields: object = {}) => {
    const headers = { 'content-type': 'application/json' };
    const answer = await server.http(path, { method: 'POST', headers, body: JSON.stringify(fields) });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
  const submit = (execution_mode: string) =>
    post('/api/v1/jobs/submit', { job_type: 'integrity_audit', execution_mode });

  test('is refused where it is to run at once, and waits where it may', async () => {
    await post('/api/v2/bricks/corpus/unmount');
    expect(await submit('sync')).toMatchObject({ status: 503, body: { error: { data: { brick: 'corpus' } } } });
    const { body } = await submit('async');
    await post('/api/v2/bricks/corpus/mount');
    const status = async (): Promise<unknown> => {
      const answer = await server.http(`/api/v1/jobs/${String(body.job_id)}`);
      return ((await answer.json()) as { status: string }).status;
    };
    await expect.poll(status, { timeout: 20_000 }).toBe('succeeded');
    expect(await submit('sync')).toMatchObject({ status: 200, body: { status: 'succeeded' } });
  });
});
