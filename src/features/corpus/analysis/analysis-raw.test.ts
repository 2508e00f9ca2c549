/** The mode RAW in jobs: its flag is asked when a job is submitted, and what it said holds; what the key may do counts when it runs. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { forEachEngine, startTestServer, type TestServer } from '../../../../test/harness.ts';
import type { TaskObject } from '../../jobs/task-object.ts';

forEachEngine('analyses in mode RAW as jobs', (engine) => {
  let server: TestServer;
  let document_id: string;

  const ask = async <T>(method: string, path: string, body: object, key?: string): Promise<T> => {
    const headers = { 'content-type': 'application/json', ...(key && { authorization: `Bearer ${key}` }) };
    return (await (await server.http(path, { method, headers, body: JSON.stringify(body) })).json()) as T;
  };
  const setFlag = (enabled: boolean) => ask('PUT', '/api/v1/features/raw_mode', { enabled });
  const submit = (key?: string): Promise<TaskObject> => {
    const payload = { document_id, layers: ['token'], mode: 'raw' };
    const task = { executor: 'nexus', task_type: 'analyze', payload, delay_seconds: 0.7, max_attempts: 1 };
    return ask('POST', '/api/v2/scheduler/submit', task, key);
  };
  const ended = async ({ id }: TaskObject): Promise<TaskObject> =>
    (await (await server.http(`/api/v2/scheduler/task/${id}?wait_seconds=20`)).json()) as TaskObject;

  beforeAll(async () => {
    server = await startTestServer({ engine, environment: { NEXUS_EMBEDDED_WORKER: 'true' } });
    await server.ok('write', { path: '/a.md', content: 'We hope.' });
    await ask('POST', '/api/v1/ingest/batch', { source_paths: ['nexus:///a.md'] });
    const listed = await (await server.http('/api/v1/documents')).json();
    document_id = (listed as { documents: { id: string }[] }).documents[0]?.id ?? '';
  });
  afterAll(() => server.stop());

  test('one that was open when it was submitted runs, though it is closed by then', async () => {
    const task = await submit();
    await setFlag(false);
    expect(await ended(task)).toMatchObject({ status: 'completed', result: { mode: 'RAW' } });
  });

  test('while it is closed none is queued, by whichever door, nor one tried again', async () => {
    const refusal = { code: 'forbidden', detail: "Role 'admin' is not allowed to execute mode 'RAW'" };
    const payload = { document_id, mode: 'RAW' };
    await setFlag(true);
    const { id } = await submit();
    await ask('POST', `/api/v1/jobs/${id}/cancel`, {});
    await setFlag(false);
    const doors = [
      ['/api/v2/scheduler/submit', { executor: 'nexus', task_type: 'analyze', payload }],
      ['/api/v1/jobs/submit', { job_type: 'analyze', payload }],
      ['/api/v1/analyze', { ...payload, execution_mode: 'async' }],
      [`/api/v1/jobs/${id}/retry`, {}],
    ] as const;
    const answers = await Promise.all(doors.map(([path, body]) => ask('POST', path, body)));
    const codes = answers.map((one) => one as { code: string; detail: string });
    expect(codes.map(({ code, detail }) => ({ code, detail: detail.replace('Access denied: ', '') }))).toEqual(
      doors.map(() => refusal),
    );
    await setFlag(true);
    const again = await ask<{ job_id: string }>('POST', `/api/v1/jobs/${id}/retry`, {});
    expect(await ended({ id: again.job_id } as TaskObject)).toMatchObject({ status: 'completed' });
  });

  test('a key that may use it no longer takes the job along', async () => {
    const made = { name: 'r', user_id: 'r', role: 'admin', raw_mode_enabled: true };
    const { key, key_id } = await ask<{ key: string; key_id: string }>('POST', '/api/v2/auth/keys', made);
    const task = await submit(key);
    await ask('PATCH', `/api/v2/auth/keys/${key_id}`, { raw_mode_enabled: false });
    expect(await ended(task)).toMatchObject({ status: 'failed', error: expect.stringMatching(/mode 'RAW'$/) });
  });

  test('the shadow of an analysis is as open as the analysis was', async () => {
    const environment = { NEXUS_SHADOW_EXECUTION_ENABLED: 'true' };
    const shadowing = await startTestServer({ engine, environment });
    const headers = { 'content-type': 'application/json' };
    const post = async <T>(path: string, body: object) =>
      (await (await shadowing.http(path, { method: 'POST', headers, body: JSON.stringify(body) })).json()) as T;
    await shadowing.ok('write', { path: '/a.md', content: 'We hope.' });
    await post('/api/v1/ingest/batch', { source_paths: ['nexus:///a.md'] });
    const listed = await (await shadowing.http('/api/v1/documents')).json();
    const asked = {
      document_id: (listed as { documents: { id: string }[] }).documents[0]?.id,
      layers: ['token'],
      mode: 'RAW',
    };
    const { job_id } = await post<{ job_id: string }>('/api/v1/analyze', { ...asked, execution_mode: 'shadow' });
    const find = 'SELECT job_id FROM corpus_raw_jobs WHERE job_id = ?';
    expect(await shadowing.sql.read((tx) => tx.get(find, [job_id]))).toEqual({ job_id });
    await shadowing.stop();
  });
});
