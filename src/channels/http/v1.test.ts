/** The door of /api/v1 (infrastructure.md §1): bodies, values, refusals in their words and order, and first keys that everybody knows. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ADMIN_KEY, startTestServer, type TestServer } from '../../../test/harness.ts';

const KEYS = { viewer: 'nexus-dev-viewer-key', operator: 'nexus-dev-operator-key' };
const SUBMIT = '/api/v1/jobs/submit';
const LIMIT = 2048;
let server: TestServer;

beforeAll(async () => {
  const environment = {
    NEXUS_ENVIRONMENT: 'test',
    NEXUS_LIMIT_V1_BODY_BYTES: String(LIMIT),
    NEXUS_JOB_PAYLOAD_BYTES_MAX: '1024',
  };
  server = await startTestServer({ environment });
});
afterAll(() => server.stop());

interface Refusal {
  readonly detail: string;
  readonly code: string;
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly data: { readonly issues?: readonly object[] };
  };
  readonly request_id: string;
}

interface Sent {
  readonly key?: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

async function send(line: string, { key = KEYS.operator, body, headers = {} }: Sent = {}) {
  const [method = '', path = ''] = line.split(' ');
  const answer = await fetch(server.url + path, {
    method,
    headers: { ...(key && { authorization: `Bearer ${key}` }), 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: Buffer.from(body) }),
  });
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Refusal };
}

const refusal = async (line: string, sent: Sent = {}) => {
  const { status, body } = await send(line, sent);
  return [status, body.error.code, body.code, body.detail];
};

test.each([
  ['GET /api/v1/nothing', {}, [404, 'NOT_FOUND', 'not_found', 'Not Found']],
  ['DELETE /api/v1/jobs', {}, [405, 'METHOD_NOT_ALLOWED', 'method_not_allowed', 'Method Not Allowed']],
  ['GET /api/v1/nothing', { key: '' }, [401, 'UNAUTHENTICATED', 'unauthorized', 'Invalid or missing API key']],
  ['GET /api/v1/jobs/not-a-uuid', {}, [404, 'NOT_FOUND', 'not_found', 'Job not-a-uuid not found']],
  ['GET /api/v1/jobs/%00', {}, [404, 'NOT_FOUND', 'not_found', 'Job \u0000 not found']],
  ['GET /api/v1/analysis/runs/a%00', {}, [404, 'NOT_FOUND', 'not_found', 'Analysis run a\u0000 not found']],
  [
    'PUT /api/v1/features/a%00',
    { key: ADMIN_KEY, body: '{}' },
    [404, 'NOT_FOUND', 'not_found', 'Feature a\u0000 not found'],
  ],
  [
    'POST /api/v1/analyze',
    { body: '{"document_id":"\\u0000"}' },
    [404, 'NOT_FOUND', 'not_found', 'Document not found'],
  ],
  [
    'POST /api/v1/analyze',
    { body: '{"branch_id":"\\u0000"}' },
    [404, 'NOT_FOUND', 'not_found', 'Branch \u0000 not found'],
  ],
  [`POST ${SUBMIT}`, { body: '[]' }, [422, 'INVALID_PARAMS', 'validation_error', 'body: has to be an object']],
])('%s %j is %j', async (line, sent, expected) => {
  expect(await refusal(line, sent)).toEqual(expected);
});

test('a role too low is told as clients know it, with the prefix in the message only', async () => {
  const { status, body } = await send(`POST ${SUBMIT}`, { key: KEYS.viewer, body: '{"job":1}' });
  expect(status).toBe(403);
  expect(body.detail).toBe("Role 'viewer' lacks required permission 'operator'");
  expect(body.error.message).toBe(`Access denied: ${body.detail}`);
});

test('a number that is too large is told as one', async () => {
  const { status, body } = await send(`GET /api/v1/jobs?offset=${'9'.repeat(20)}`);
  expect([status, body.error.data.issues]).toMatchObject([422, [{ path: 'offset', type: 'less_than_equal' }]]);
});

describe('the first refusal answers', () => {
  const long = JSON.stringify({ job_type: 'x', payload: { text: 'x'.repeat(LIMIT) } });
  const asText = { headers: { 'content-type': 'text/plain' } };
  test.each([
    ['credential before size and JSON', { key: 'nobody-has-this-key-0001', body: long }, 401],
    ['size before media type', { key: KEYS.viewer, body: long, ...asText }, 413],
    ['role before shape', { key: KEYS.viewer, body: '[1]' }, 403],
    ['size before JSON', { key: KEYS.viewer, body: `${long}{{` }, 413],
    ['media type before JSON', { key: KEYS.viewer, body: '{', ...asText }, 415],
    ['JSON before role', { key: KEYS.viewer, body: '{' }, 400],
    ['role before shape', { key: KEYS.viewer, body: '{}' }, 403],
    ['shape before mode', { body: '{"job_type":"analyze","payload":{"mode":"RAW"},"max_attempts":99}' }, 422],
    [
      'mode before meaning',
      { body: JSON.stringify({ job_type: 'analyze', payload: { mode: 'RAW', a: 'x'.repeat(1500) } }) },
      403,
    ],
    [
      'meaning',
      { body: JSON.stringify({ job_type: 'analyze', payload: { mode: 'PUBLIC', a: 'x'.repeat(1500) } }) },
      400,
    ],
  ])('%s', async (_what, sent, status) => {
    expect((await send(`POST ${SUBMIT}`, sent)).status).toBe(status);
  });
});

test('each wrong field is told with what it is, where it was, and what was sent, secrets left out', async () => {
  const body = JSON.stringify({
    payload: [1],
    execution_mode: 'never',
    max_attempts: 11,
    idempotency_key: 5,
    unknown: { ignored: true },
  });
  const { body: refused } = await send(`POST ${SUBMIT}`, { body });
  expect(refused.error.data.issues).toEqual([
    { path: 'job_type', message: expect.any(String), type: 'missing', loc: ['body', 'job_type'], input: null },
    { path: 'payload', message: expect.any(String), type: 'type_error', loc: ['body', 'payload'], input: [1] },
    {
      path: 'execution_mode',
      message: expect.any(String),
      type: 'literal_error',
      loc: ['body', 'execution_mode'],
      input: 'never',
    },
    { path: 'idempotency_key', message: expect.any(String), type: 'type_error', loc: ['body', 'idempotency_key'] },
    {
      path: 'max_attempts',
      message: expect.any(String),
      type: 'less_than_equal',
      loc: ['body', 'max_attempts'],
      input: 11,
    },
  ]);
  expect(refused.detail.startsWith('job_type: ')).toBe(true);
  // Beside a body a query has fields of no route.
  const placed = await send(`POST ${SUBMIT}?job_type=x`, { body: JSON.stringify({ idempotency_key: 'a\u0000' }) });
  expect(placed.body.error.data.issues).toMatchObject([
    { path: 'job_type', type: 'missing', loc: ['body', 'job_type'] },
    { path: 'idempotency_key', type: 'type_error', loc: ['body', 'idempotency_key'] },
  ]);
  const long = await send(`POST ${SUBMIT}`, { body: JSON.stringify({ job_type: 'x'.repeat(129) }) });
  expect(long.body.error.data.issues?.[0]).toMatchObject({ type: 'too_long', input: 'x'.repeat(129) });
  const listed = await send('GET /api/v1/jobs?limit=0&offset=-1&limit_what=3&a=1&a=2');
  expect(listed.body.error.data.issues).toMatchObject([
    { path: 'limit', type: 'greater_than_equal', loc: ['query', 'limit'], input: 0 },
    { path: 'offset', type: 'greater_than_equal', loc: ['query', 'offset'], input: -1 },
  ]);
  const twice = await send('GET /api/v1/jobs?limit=1&limit=2');
  expect(twice.body.error.data.issues).toMatchObject([
    { message: 'is given more than once', type: 'type_error', loc: ['query', 'limit'], input: ['1', '2'] },
  ]);
  const inputOf = async (job_type: unknown) => {
    const { body: told } = await send(`POST ${SUBMIT}`, { body: JSON.stringify({ job_type }) });
    return told.error.data.issues?.[0];
  };
  expect(await inputOf({ a: ['x'.repeat(300)], b: null })).toMatchObject({
    input: { a: ['x'.repeat(256)], b: null },
  });
  for (const left of [{ a: [{ my_secret: 1 }] }, Array(20).fill(1)])
    expect(await inputOf(left)).not.toHaveProperty('input');
});

test('a body says that it is JSON; none at all is as good as an empty one', async () => {
  const untyped = await send(`POST ${SUBMIT}`, { body: '{"job_type":"x"}', headers: { 'content-type': '' } });
  expect([untyped.status, untyped.body.code]).toEqual([415, 'unsupported_media_type']);
  const job = await send(`POST ${SUBMIT}`, { body: '{"job_type":"later","max_attempts":1}' });
  const { job_id } = job.body as unknown as { job_id: string };
  const cancelled = await fetch(`${server.url}/api/v1/jobs/${job_id}/cancel`, {
    method: 'POST',
    headers: { authorization: `Bearer ${KEYS.operator}` },
  });
  expect(cancelled.status).toBe(200);
});

test('unknown query parameters are ignored, a plus that became a blank is read, the page is what was asked for', async () => {
  for (const query of ['foo=1&foo=2', 'created_after=2020-01-01T00:00:00', 'created_after=2020-01-01T00:00:00+02:00']) {
    const { status, body } = await send(`GET /api/v1/jobs?${query}`);
    expect([query, status, body]).toEqual([query, 200, expect.objectContaining({ limit: 100, offset: 0 })]);
  }
  for (const query of ['limit=1001', 'limit=x', 'created_after=yesterday', 'status=nope']) {
    expect([query, (await send(`GET /api/v1/jobs?${query}`)).status]).toEqual([query, 422]);
  }
});

test('a field that stands where it does not belong is as unknown as any other', async () => {
  const { body } = await send('POST /api/v1/jobs/submit?job_type=other&x=1', { body: '{"job_type":"echo","id":"y"}' });
  const { job_id } = body as object as { readonly job_id: string };
  const other = '00000000-0000-7000-8000-000000000000';
  for (const [line, given] of [
    [`GET /api/v1/jobs/${job_id}?id=${other}&job_id=${other}`, undefined],
    [`POST /api/v1/jobs/${job_id}/cancel?id=${other}`, `{"id":"${other}"}`],
  ] as const) {
    const seen = await send(line, given === undefined ? {} : { body: given });
    expect([line, seen.status, seen.body]).toMatchObject([line, 200, { job_id, job_type: 'echo' }]);
  }
  const alone = await send('POST /api/v1/jobs/submit?job_type=echo', { body: '{}' });
  expect([alone.status, alone.body.detail]).toEqual([422, 'job_type: is missing']);
  expect((await send('GET /api/v1/auth/whoami?limit=0&x=1')).status).toBe(200);
  expect((await send(`GET /api/v1/documents/${other}/text?x=1`)).status).toBe(404);
  expect(await refusal('GET /api/v1')).toEqual([404, 'NOT_FOUND', 'not_found', 'Not Found']);
  const zone = await send('POST /api/v1/jobs/submit', { body: '{"job_type":"echo","zone_id":5}' });
  expect(zone.body.error.data.issues).toMatchObject([{ path: 'zone_id', input: 5 }]);
});

test('whoever waits for a job that is given back when a server stops is told so', async () => {
  const environment = { NEXUS_DRAIN_SECONDS: '1', NEXUS_EMBEDDED_WORKER: 'true' };
  const own = await startTestServer({ environment });
  const body = JSON.stringify({ job_type: 'echo', execution_mode: 'sync', payload: { value: 1, delay_ms: 60_000 } });
  const asked = own.http('/api/v1/jobs/submit', {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json' },
  });
  const running = async () =>
    (await own.sql.read((tx) => tx.get("SELECT 1 FROM jobs WHERE status = 'running'"))) !== undefined;
  await expect.poll(running, { timeout: 10_000 }).toBe(true);
  const stopped = own.stop();
  const answer = await asked;
  expect([answer.status, await answer.json()]).toMatchObject([200, { status: 'retry_wait' }]);
  await stopped;
});

describe('a key text that everybody knows', () => {
  test.each(['x-forwarded-for', 'forwarded', 'x-real-ip', 'via'])(
    'does not work for what came with %s',
    async (header) => {
      expect((await send('GET /api/v1/auth/whoami', { headers: { [header]: '127.0.0.1' } })).status).toBe(401);
      const api_key = JSON.stringify({ api_key: KEYS.operator });
      const token = await send('POST /api/v1/auth/token', {
        key: '',
        body: api_key,
        headers: { [header]: '127.0.0.1' },
      });
      expect([token.status, token.body.detail]).toEqual([401, 'Invalid or missing API key']);
    },
  );

  test('nor does a token that was given for it, which works from this machine', async () => {
    const { body } = await send('POST /api/v1/auth/token');
    const { access_token: key } = body as object as { readonly access_token: string };
    expect((await send('GET /api/v1/auth/whoami', { key })).status).toBe(200);
    for (const route of ['GET /api/v1/auth/whoami', 'POST /api/v1/auth/token/refresh', 'GET /api/nowhere']) {
      const refused = await send(route, { key, headers: { 'x-forwarded-for': '127.0.0.1' } });
      expect([route, refused.status, refused.body.detail]).toEqual([route, 401, 'Invalid token']);
    }
    expect((await send('POST /api/v1/auth/token/refresh', { key })).status).toBe(200);
  });

  test('works from this machine, with the owner of the table', async () => {
    const { body } = await send('GET /api/v1/auth/whoami');
    expect(body).toMatchObject({ owner: 'dev-operator', role: 'operator', allowed_modes: ['PUBLIC'] });
  });
});

test('a body over the limit is read, so that a client which sends all of it first is told why it was refused', async () => {
  const server = await startTestServer({ environment: { NEXUS_LIMIT_V1_BODY_BYTES: String(4 * 1024 * 1024) } });
  const body = `{"job_type":"${'x'.repeat(7 * 1024 * 1024)}"}`;
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body };
  for (let times = 0; times < 5; times++) expect((await server.http('/api/v1/jobs/submit', init)).status).toBe(413);
  await server.stop();
});
