/** A job of mode sync whose attempt takes longer than a call may (infrastructure.md §7): its answer comes when the attempt has ended. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { forEachEngine, startTestServer, type TestServer } from '../../../test/harness.ts';
import type { SubmitOutput } from '../../features/jobs/job-submit.operations.ts';

/** A second is left for the attempt, then the call is about to be out of time. */
const OPERATION_MS = 6_000;
const ATTEMPT_MS = 7_000;

forEachEngine('a long job of mode sync', (engine) => {
  let server: TestServer;
  beforeAll(async () => {
    const environment = { NEXUS_LIMIT_OPERATION_MS: String(OPERATION_MS), NEXUS_WORKER_POLL_SECONDS: '0.1' };
    server = await startTestServer({ engine, environment });
  });
  afterAll(() => server.stop());

  const submit = async (more: object): Promise<SubmitOutput> => {
    const init = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ job_type: 'echo', execution_mode: 'sync', max_attempts: 1, ...more }),
    };
    return (await (await server.http('/api/v1/jobs/submit', init)).json()) as SubmitOutput;
  };

  test('answers what came of it, as one that is cancelled meanwhile does', async () => {
    const long = { value: 1, delay_ms: ATTEMPT_MS };
    const [done, failed, cancelled] = await Promise.all([
      submit({ payload: long }),
      submit({ payload: { ...long, fail_attempts: 1 } }),
      (async () => {
        const answer = submit({ payload: { value: 1, delay_ms: 80_000_000 }, idempotency_key: 'cancelled' });
        let job_id: string | undefined;
        while (!job_id) {
          const list = await server.http('/api/v1/jobs?status=running&limit=9');
          const { jobs } = (await list.json()) as { jobs: { job_id: string }[] };
          for (const one of jobs) {
            const shown = await server.http(`/api/v1/jobs/${one.job_id}`);
            if (((await shown.json()) as { idempotency_key: string }).idempotency_key === 'cancelled')
              job_id = one.job_id;
          }
        }
        await new Promise((resolve) => setTimeout(resolve, ATTEMPT_MS));
        await server.http(`/api/v1/jobs/${job_id}/cancel`, { method: 'POST' });
        return answer;
      })(),
    ]);
    expect([done.status, failed.status, cancelled.status]).toEqual(['succeeded', 'failed', 'cancelled']);
  }, 60_000);
});
