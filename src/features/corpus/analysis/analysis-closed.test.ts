/** Analyses where jobs for later, ML and the shadow are off, and of a job that was cancelled. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADMIN_KEY, forEachEngine, startTestServer, type TestServer } from '../../../../test/harness.ts';
import { jobTypes } from '../../../core/operations.ts';
import { systemSteps } from '../../../roof/system.ts';
import { deleteJobs } from '../../jobs/jobs.sql.ts';
import { forgetJobs } from '../corpus.housekeeping.ts';
import { ON_DOCUMENTS } from '../documents/job-bases.ts';
import { findRunOfJob } from './runs.sql.ts';
import { keepRunOfJob, lookForAnalysis } from './steps.operations.ts';

interface Body {
  readonly documents: readonly { readonly id: string }[];
  readonly job_id: string | null;
  readonly status: string;
  readonly detail: string;
  readonly error_text: string | null;
  readonly plugin_provenance: unknown;
}

test('every type of jobs of the corpus is one whose jobs may be hidden', () => {
  const ours = jobTypes.filter(({ brick }) => brick === 'corpus').map(({ type }) => type);
  expect(ours.toSorted()).toEqual(ON_DOCUMENTS.toSorted());
});

forEachEngine('analyses where all is closed', (engine) => {
  let server: TestServer;
  let document_id: string;

  const ask = async (path: string, body?: object) => {
    const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' };
    const sent = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
    const answer = await server.http(`/api/v1${path}`, { headers, ...sent });
    return { status: answer.status, body: (await answer.json()) as Body };
  };

  beforeAll(async () => {
    const environment = { NEXUS_ASYNC_JOBS_ENABLED: 'false', NEXUS_EMBEDDED_WORKER: 'true' };
    server = await startTestServer({ engine, environment });
    await server.ok('write', { path: '/a.md', content: 'We hope.' });
    await ask('/ingest/batch', { source_paths: ['nexus:///a.md'] });
    document_id = (await ask('/documents')).body.documents[0]?.id ?? '';
  });
  afterAll(() => server.stop());

  test('async is refused, behind what is wrong with the target', async () => {
    const asked = { document_id, execution_mode: 'async' };
    const detail = 'Async jobs are disabled by feature flag';
    expect(await ask('/analyze', asked)).toMatchObject({ status: 400, body: { detail } });
    expect(await ask('/analyze', { ...asked, document_id: 'none' })).toMatchObject({ status: 404 });
  });

  test('a job that ran at once is not tried again later', async () => {
    const asked = { job_type: 'echo', execution_mode: 'sync', payload: { fail_attempts: 9 }, max_attempts: 1 };
    const { body } = await ask('/jobs/submit', asked);
    const refused = { status: 400, body: { detail: 'Async jobs are disabled by feature flag' } };
    expect(await ask(`/jobs/${body.job_id}/retry`, {})).toMatchObject(refused);
  });

  test('a shadow runs as sync, and ML falls back', async () => {
    const { body } = await ask('/analyze', { document_id, layers: ['token'], execution_mode: 'shadow' });
    expect(body).toMatchObject({ status: 'completed', job_id: null });
    const why = 'plugin_unsupported:ml_stub';
    for (const [plugin_profile, fallback_reason] of [
      ['ml_first', why],
      ['ml_only', 'all_plugins_failed'],
    ]) {
      const token = { provider_name: 'deterministic', fallback_reason, skipped: [why] };
      const asked = { document_id, layers: ['token'], plugin_profile };
      expect((await ask('/analyze', asked)).body.plugin_provenance).toMatchObject({ token });
    }
  });

  test('an attempt that is over keeps no run', async () => {
    const { runner, switches } = server.running.server;
    const step = systemSteps(runner);
    const task = { executor: 'nexus', task_type: 'analyze', payload: { document_id }, delay_seconds: 3600 };
    const made = await server.http('/api/v2/scheduler/submit', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(task),
    });
    const { id: job_id } = (await made.json()) as { id: string };
    const asked = { document_id, layers: ['token'], mode: 'PUBLIC', plugin_profile: null };
    const { target } = await step(lookForAnalysis, 'root', { asked, switches });
    const analysed = { layers: [], health: {} };
    const job = { job_id, attempt: 1 };
    const keeping = { asked, target, analysed, execution_mode: 'async', switches, job };
    await expect(step(keepRunOfJob, 'root', keeping)).rejects.toThrow('is no longer held');
    await ask(`/jobs/${job_id}/cancel`, {});
    await expect(step(keepRunOfJob, 'root', keeping)).rejects.toThrow('was cancelled');
    expect(await server.sql.read((tx) => findRunOfJob(tx, 'root', job_id))).toBeUndefined();
  });

  test('what was kept beside a job goes with it', async () => {
    const payload = { document_id, layers: ['token'] };
    const { body } = await ask('/jobs/submit', { job_type: 'analyze', payload, execution_mode: 'sync' });
    const job_id = body.job_id ?? '';
    const beside = () =>
      server.sql.read((tx) => tx.all('SELECT document_id FROM corpus_bases WHERE thing_id = ?', [job_id]));
    expect(await beside()).toEqual([{ document_id }]);
    await server.sql.write('root', (tx) => deleteJobs(tx, [job_id]));
    await systemSteps(server.running.server.runner)(forgetJobs, 'root', {});
    expect(await beside()).toEqual([]);
  });
});
