/** The generic REST door: a list of operations that only this test has, on a real server's database. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { ADMIN_KEY, startTestServer, type TestServer } from '../../../test/harness.ts';
import { exchange, openSocket, readAnswer, wire } from '../../../test/raw-http.ts';
import { Fault } from '../../base/faults.ts';
import { AnswerBytes } from '../../core/call/answer-bytes.ts';
import type { HttpBinding } from '../../core/call/bindings.ts';
import { Metrics } from '../../core/metrics.ts';
import type { AnyOperation, Operation } from '../../core/operation.ts';
import { authenticateKey, unauthenticated } from '../../features/access/credentials.ts';
import { addressReader } from './addresses.ts';
import type { Credential, Door, Known } from './door.ts';
import { letIn, openFrame } from './frame.ts';
import { addRest } from './rest.ts';

const BODY_BYTES = 1024;

const echoInput = z.object({
  id: z.string().optional(),
  limit: z.int().min(1).optional(),
  deep: z.boolean().optional(),
  tags: z.array(z.string()).optional(),
  branch: z.string().optional(),
  content: z
    .instanceof(Uint8Array)
    .transform((bytes) => Buffer.from(bytes).toString())
    .optional(),
});
type Echo = z.infer<typeof echoInput>;

/** Answers with its parameters and zone. They run in this thread, as reads do. */
const echo = (name: string, http: HttpBinding<Echo>, more: Partial<Operation<Echo, Echo>> = {}): AnyOperation =>
  ({
    name,
    summary: name,
    effect: 'read',
    who: { role: 'viewer' },
    input: echoInput,
    output: z.looseObject({}),
    faults: [],
    http,
    run: async (call: { context: { zone_id: string } }, input: Echo) => ({ ...input, zone: call.context.zone_id }),
    ...more,
  }) as unknown as AnyOperation;

const fails = (fault: () => unknown): Partial<Operation<Echo, Echo>> => ({
  run: async () => {
    throw fault();
  },
});

const operations: readonly AnyOperation[] = [
  echo('list', { method: 'GET', path: '/things' }),
  echo('create', { method: 'POST', path: '/things', status: 201, location: ({ id }) => `/things/${id}` }),
  echo('get', { method: 'GET', path: '/things/:id' }),
  echo('patch', { method: 'PATCH', path: '/things/:id', tolerant: true }),
  echo('remove', { method: 'DELETE', path: '/things/:id', status: 204 }),
  echo('part', { method: 'GET', path: '/things/:id/parts/:limit' }),
  echo('shown', { method: 'GET', path: '/shown', present: ({ id }) => [id] }),
  echo('big', {
    method: 'GET',
    path: '/big',
    present: () => ({
      text: new AnswerBytes({ sha256: '', size: 3, inline: Buffer.from('a"b') }, { start: 0, end: 3 }, 'text'),
    }),
  }),
  echo('open', { method: 'GET', path: '/open' }, { who: 'public' }),
  echo('root', { method: 'GET', path: '/root' }, { who: 'root admin' }),
  echo(
    'gone',
    { method: 'GET', path: '/gone' },
    fails(() => new Fault('REVISION_GONE', 'too old', { oldest: 5 })),
  ),
  echo(
    'bug',
    { method: 'GET', path: '/bug' },
    fails(() => new Error('secret details')),
  ),
];

let server: TestServer;
let app: FastifyInstance;
let url: string;
let spoolDirectory: string;
beforeAll(async () => {
  server = await startTestServer();
  await server.addZone('elsewhere');
  spoolDirectory = mkdtempSync(join(tmpdir(), 'nexus-rest-'));
  const { sql, limits } = server.running.server;
  const ask = async ({ text }: Credential): Promise<Known> => {
    const caller = await sql.read((tx) => authenticateKey(tx, text, Date.now()));
    const refused = { refusal: unauthenticated(), reason: 'unknown', owner: undefined } as const;
    return caller ? { caller, budget: undefined, hash: '' } : { caller, ...refused, hash: '' };
  };
  const door: Door = {
    leaving: () => false,
    server: { ...server.running.server, limits: { ...limits, V1_BODY_BYTES: BODY_BYTES } },
    callers: { find: ask, ask },
    addressOf: addressReader([]),
    rates: undefined,
    metrics: new Metrics(),
    spools: () => ({ directory: spoolDirectory, reserve: () => undefined, release: () => undefined }),
  };
  app = openFrame(door, { begin: () => undefined, refused: () => undefined });
  addRest(app, door, { operations, arrive: letIn(app, door) });
  await app.listen({ host: '127.0.0.1', port: 0 });
  url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await app.close();
  await server.stop();
  rmSync(spoolDirectory, { recursive: true });
});

const JSON_TYPE = { 'content-type': 'application/json' };
const call = (target: string, init: RequestInit = {}): Promise<Response> =>
  fetch(url + target, {
    ...init,
    headers: { authorization: ADMIN_KEY, ...(init.body ? JSON_TYPE : {}), ...init.headers },
  });
const post = (body: string, headers: Record<string, string> = {}): Promise<Response> =>
  call('/things', { method: 'POST', body, headers });

interface Failure {
  readonly detail: string;
  readonly code: string;
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly retryable: boolean;
    readonly data: object;
  };
  readonly request_id: string;
}
const failureOf = async (answer: Response): Promise<Failure> => (await answer.json()) as Failure;

describe('a route', () => {
  test('merges path, query and body', async () => {
    const answer = await call('/things/a%2Fb%2525?limit=5&deep', {
      method: 'PATCH',
      body: '{"tags":["x"],"branch":null}',
    });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(await answer.json()).toEqual({ id: 'a/b%25', limit: 5, deep: true, tags: ['x'], zone: 'root' });
  });

  test('makes values of the parts of its path too', async () => {
    expect(await (await call('/things/x/parts/7')).json()).toEqual({ id: 'x', limit: 7, zone: 'root' });
  });

  test('answers with its status, Location and shape', async () => {
    const created = await post('{"id":"n"}');
    expect([created.status, created.headers.get('location')]).toEqual([201, '/things/n']);
    expect(await (await call('/shown?id=x')).json()).toEqual(['x']);
    expect(await (await call('/big')).json()).toEqual({ text: 'a"b' });
    const removed = await call('/things/n', { method: 'DELETE' });
    expect([removed.status, await removed.text(), removed.headers.get('content-type')]).toEqual([204, '', null]);
  });

  test('takes an empty body, with any Content-Type or none', async () => {
    for (const headers of [
      [],
      ['Content-Length: 0'],
      ['Content-Length: 0', 'Content-Type: text/html'],
      ['Transfer-Encoding: chunked', 'Content-Type: text/html'],
    ]) {
      const body = headers[0]?.startsWith('Transfer') ? '0\r\n\r\n' : '';
      expect((await exchange(url, wire('POST /things', headers, body))).status).toBe(201);
    }
    expect(await (await post('null')).json()).toEqual({ zone: 'root' });
  });

  test('takes the values of JSON-RPC in its body', async () => {
    const answer = await post('{"content":{"__type__":"bytes","data":"aGk="}}');
    expect(await answer.json()).toEqual({ content: 'hi', zone: 'root' });
  });

  test('is the same with slashes at the end or doubled', async () => {
    for (const target of ['/things/', '//things', '/things//x///', '//things/x/']) {
      expect((await exchange(url, wire(`GET ${target}`))).status).toBe(200);
    }
  });

  test('answers HEAD as GET without the body', async () => {
    const head = await call('/things?limit=3', { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    expect(head.headers.get('content-length')).toBe(String('{"limit":3,"zone":"root"}'.length));
  });

  test('takes zone and branch by header or parameter', async () => {
    const zone = { 'x-nexus-zone-id': 'elsewhere' };
    expect(await (await call('/things', { headers: zone })).json()).toEqual({ zone: 'elsewhere' });
    expect(await (await call('/things?zone_id=elsewhere')).json()).toEqual({ zone: 'elsewhere' });
    expect(await (await post('{"zone_id":"elsewhere"}')).json()).toEqual({ zone: 'elsewhere' });
    expect((await call('/things?zone_id=root', { headers: zone })).status).toBe(422);
    expect(await (await call('/things', { headers: { 'x-nexus-branch': 'b' } })).json()).toMatchObject({ branch: 'b' });
    const named = await call('/things?branch=c', { headers: { 'x-nexus-branch': 'b' } });
    expect(await named.json()).toMatchObject({ branch: 'c' });
  });

  test('waits with 100 until the body is wanted', async () => {
    const headers = ['Expect: 100-continue', 'Content-Length: 2'];
    const socket = await openSocket(url);
    socket.write(wire('POST /things', headers));
    expect((await readAnswer(socket)).status).toBe(100);
    socket.write('{}');
    expect((await readAnswer(socket)).status).toBe(201);
    socket.destroy();
    expect((await exchange(url, wire('POST /nowhere', headers))).status).toBe(404);
  });
});

describe('a failure', () => {
  test('has the body of every area, and the id of the request', async () => {
    const answer = await call('/gone', { headers: { 'x-request-id': 'mine-1' } });
    expect(answer.status).toBe(410);
    expect(answer.headers.get('x-request-id')).toBe('mine-1');
    expect(await failureOf(answer)).toEqual({
      detail: 'too old',
      code: 'revision_gone',
      error: { code: 'REVISION_GONE', message: 'too old', retryable: false, data: { oldest: 5 } },
      request_id: 'mine-1',
    });
  });

  test('that is a bug shows nothing of it', async () => {
    const answer = await call('/bug');
    expect(answer.status).toBe(500);
    const text = await answer.text();
    expect(text).toContain('INTERNAL');
    expect(text).not.toContain('secret');
  });

  test.each([
    ['{"limit":0}', {}, 422, 'INVALID_PARAMS'],
    ['{"limit":"5"}', {}, 422, 'INVALID_PARAMS'],
    ['{"unheard":1}', {}, 422, 'INVALID_PARAMS'],
    ['{"toString":1}', {}, 422, 'INVALID_PARAMS'],
    ['{"__proto__":1}', {}, 422, 'INVALID_PARAMS'],
    ['[]', {}, 422, 'INVALID_PARAMS'],
    ['"text"', {}, 422, 'INVALID_PARAMS'],
    ['{', {}, 400, 'INVALID_JSON'],
    ['<a>', { 'content-type': 'text/html' }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['{}', { 'content-encoding': 'gzip' }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['{}', { 'content-type': 'no type' }, 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['{}', { 'x-nexus-zone-id': 'nowhere' }, 404, 'ZONE_NOT_FOUND'],
  ])('of a POST of %s with %j is %d %s', async (body, headers, status, code) => {
    const answer = await post(body, headers);
    expect(answer.status).toBe(status);
    expect((await failureOf(answer)).error.code).toBe(code);
  });

  test.each([
    [2_000, undefined],
    [2_001, true],
  ])('of %d names that nobody knows tells two thousand of them', async (count, has_more) => {
    const names = Array.from({ length: count }, (_, at) => `u${at}=`);
    const { error } = await failureOf(await call(`/things?${names.join('&')}`));
    expect(error.data).toMatchObject({ issues: { length: 2_000 } });
    expect((error.data as { has_more?: boolean }).has_more).toBe(has_more);
  });

  test('of a body over V1_BODY_BYTES is 413 and names the limit', async () => {
    const answer = await post(`{"id":"${'x'.repeat(BODY_BYTES)}"}`);
    expect(answer.status).toBe(413);
    const { error } = await failureOf(answer);
    expect(error).toMatchObject({ code: 'BODY_TOO_LARGE', data: { limit: 'V1_BODY_BYTES', maximum: BODY_BYTES } });
  });

  test.each([
    ['/things?limit=x', 422, 'validation_error'],
    ['/things?limit=1&limit=2', 422, 'validation_error'],
    ['/things?unheard=1', 422, 'validation_error'],
    ['/things?constructor=1', 422, 'validation_error'],
    ['/things?__proto__=1', 422, 'validation_error'],
    ['/things?hasOwnProperty', 422, 'validation_error'],
    ['/nowhere', 404, 'not_found'],
    ['/things/x/parts', 404, 'not_found'],
    ['/things/%zz', 400, 'invalid_request'],
    ['/things/%ff', 400, 'invalid_request'],
  ])('of a GET of %s is %d %s', async (target, status, code) => {
    const answer = await call(target);
    expect(answer.status).toBe(status);
    expect((await failureOf(answer)).code).toBe(code);
  });

  test('names the field that path and body give differently; a tolerant body may have fields unknown', async () => {
    const patch = (body: string): Promise<Response> => call('/things/a', { method: 'PATCH', body });
    expect((await patch('{"id":"a","unheard":1}')).status).toBe(200);
    const { error } = await failureOf(await patch('{"id":"b"}'));
    expect(error.data).toMatchObject({ issues: [{ path: 'id' }] });
  });

  test('of the verb is 405 with those there are', async () => {
    for (const [method, target, allow] of [
      ['PUT', '/things', 'GET, HEAD, POST'],
      ['POST', '/things/x/', 'DELETE, GET, HEAD, PATCH'],
      ['POST', '//things//x', 'DELETE, GET, HEAD, PATCH'],
      ['PROPFIND', '/things', 'GET, HEAD, POST'],
    ] as const) {
      const answer = await exchange(url, wire(`${method} ${target}`, ['Content-Length: 0']));
      expect([method, target, answer.status, answer.headers.allow]).toEqual([method, target, 405, allow]);
      expect(JSON.parse(answer.body.toString()).error.code).toBe('METHOD_NOT_ALLOWED');
    }
  });
});

describe('without a credential', () => {
  const bare = (target: string, init: RequestInit = {}): Promise<Response> => fetch(url + target, init);

  test.each([
    ['GET', '/things'],
    ['POST', '/things'],
    ['GET', '/nowhere'],
    ['PUT', '/things'],
    ['GET', '/things/%zz'],
    ['GET', '/root'],
  ])('%s %s is 401 before anything else', async (method, target) => {
    for (const authorization of ['', 'Bearer wrong', 'Bearer']) {
      const answer = await bare(target, { method, headers: { authorization } });
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
      expect((await failureOf(answer)).detail).toBe('Invalid or missing API key');
    }
  });

  test('an open route answers, whatever is wrong with the one that came', async () => {
    expect((await bare('/open')).status).toBe(200);
    expect((await bare('/open', { headers: { authorization: 'Bearer wrong' } })).status).toBe(200);
    const two = { authorization: `Bearer ${ADMIN_KEY}`, 'x-nexus-api-key': 'other' };
    expect((await bare('/open', { headers: two })).status).toBe(200);
    expect((await bare('/things', { headers: two })).status).toBe(401);
  });

  test('OPTIONS tells the verbs', async () => {
    const answer = await bare('/things', { method: 'OPTIONS' });
    expect([answer.status, answer.headers.get('allow')]).toEqual([204, 'GET, HEAD, POST']);
    expect((await bare('/nowhere', { method: 'OPTIONS' })).status).toBe(404);
  });
});

test('a role that is too low is 403', async () => {
  const key = await server.addKey({ role: 'admin', zone_id: 'elsewhere' });
  const answer = await call('/root', { headers: { authorization: `Bearer ${key}` } });
  expect(answer.status).toBe(403);
  expect((await failureOf(answer)).code).toBe('forbidden');
});

test('a body that breaks off leaves nothing', async () => {
  const socket = await openSocket(url);
  socket.on('error', () => undefined);
  socket.end(wire('POST /things', ['Content-Length: 100'], '{"id":'));
  await once(socket.resume(), 'close');
  expect((await post('{}')).status).toBe(201);
});

test('the JSON-RPC door tells a wrong verb both ways', async () => {
  for (const target of ['/api/nfs/write', '//api/nfs//write/', '/api/nfs']) {
    const answer = await exchange(server.url, wire(`GET ${target}`));
    expect([answer.status, answer.headers.allow]).toEqual([405, 'POST']);
    expect(JSON.parse(answer.body.toString())).toMatchObject({
      jsonrpc: '2.0',
      id: null,
      result: null,
      code: 'method_not_allowed',
      error: { code: -405, data: { code: 'METHOD_NOT_ALLOWED' } },
    });
  }
  expect((await server.http('/api/nfs/status')).status).toBe(200);
});
