/** A key named `__proto__` is kept like any other wherever JSON of callers is: payloads, results, metadata, messages. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ADMIN_KEY, startTestServer, type TestServer } from '../../test/harness.ts';

const ODD = '{"__proto__":{"a":1},"b":{"__proto__":[2]},"constructor":3}';
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

/** As texts: what a test makes of JSON would have to be trusted with the same key. */
async function send(method: string, path: string, body?: string): Promise<string> {
  const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' };
  const answer = await server.http(path, { method, headers, ...(body && { body }) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(text);
  return text;
}

test('of jobs: payload and result', async () => {
  const body = `{"job_type":"echo","execution_mode":"sync","payload":{"value":${ODD},"__proto__":{"c":1}}}`;
  const { job_id } = JSON.parse(await send('POST', '/api/v1/jobs/submit', body)) as { job_id: string };
  const job = await send('GET', `/api/v1/jobs/${job_id}`);
  expect(job).toContain(`"payload":{"value":${ODD},"__proto__":{"c":1}}`);
  expect(job).toContain(`"result":${ODD}`);
});

test('of tasks and schedules', async () => {
  const task = `{"executor":"mine","task_type":"t","payload":${ODD}}`;
  expect(await send('POST', '/api/v2/scheduler/submit', task)).toContain(`"payload":${ODD}`);
  const claimed = await send('POST', '/api/v2/scheduler/claim', '{"executors":["mine"]}');
  expect(claimed).toContain(`"payload":${ODD}`);
});

test('of agents and their messages', async () => {
  const metadata = `{"agent_id":"odd","name":"odd","metadata":${ODD}}`;
  await send('POST', '/api/v2/agents', metadata);
  expect(await send('GET', '/api/v2/agents/odd')).toContain(`"metadata":${ODD}`);
  await send('POST', '/api/v2/ipc/provision/odd');
  await send('POST', '/api/v2/ipc/send', `{"sender":"odd","recipient":"odd","type":"note","payload":${ODD}}`);
  expect(await send('GET', '/api/v2/ipc/inbox/odd')).toContain(`"payload":${ODD}`);
});

test('of maps of numbers: a spec, the tasks of each executor', async () => {
  await send('POST', '/api/v2/agents', '{"agent_id":"mapped","name":"mapped"}');
  const put = (limits: string): Promise<string> =>
    send(
      'PUT',
      '/api/v2/agents/mapped/spec',
      `{"agent_type":"t","capabilities":[],"resource_requests":{"__proto__":2},"resource_limits":${limits}}`,
    );
  await put('{"__proto__":2}');
  const spec = '"resource_requests":{"__proto__":2},"resource_limits":{"__proto__":2}';
  expect(await send('GET', '/api/v2/agents/mapped/spec')).toContain(spec);
  await expect(put('{"__proto__":1}')).rejects.toThrow('resource_requests.__proto__: is 2, above its limit of 1');
  await expect(put('{"__proto__":-1}')).rejects.toThrow('resource_limits.__proto__: Too small');
  await send('POST', '/api/v2/scheduler/submit', '{"executor":"__proto__","task_type":"t"}');
  expect(await send('GET', '/api/v2/scheduler/metrics')).toContain('"__proto__":1');
});

test('of the metadata of an upload, which its file has too', async () => {
  const value = Buffer.from('kept').toString('base64');
  const headers = { 'tus-resumable': '1.0.0', 'upload-length': '0' };
  const made = await server.http('/api/v2/uploads', {
    method: 'POST',
    headers: { ...headers, 'upload-metadata': `path ${Buffer.from('/odd').toString('base64')},__proto__ ${value}` },
  });
  expect(await send('GET', made.headers.get('location') ?? '')).toContain('"metadata":{"__proto__":"kept"}');
  expect(await send('POST', '/api/nfs/stat', '{"params":{"path":"/odd"}}')).toContain(
    '"metadata":{"__proto__":"kept"}',
  );
});
