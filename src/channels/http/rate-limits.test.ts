/** Rates over HTTP: what an answer says of them, whose they are, and what is told to who goes beyond. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createClient, RateLimitError } from '../../../client/index.ts';
import { ADMIN_KEY, startTestServer, type TestServer } from '../../../test/harness.ts';
import { exchange } from '../../../test/raw-http.ts';
import { publicOperations } from '../../core/operations.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({
    environment: {
      NEXUS_RATE_LIMIT_ANONYMOUS_PER_MINUTE: '3',
      NEXUS_RATE_LIMIT_UNKNOWN_PER_MINUTE: '4',
      NEXUS_RATE_LIMIT_FAILURES_PER_MINUTE: '12',
      NEXUS_RATE_LIMIT_VIEWER_PER_MINUTE: '5',
      NEXUS_RATE_LIMIT_OPERATOR_PER_MINUTE: '6',
      NEXUS_TRUSTED_PROXIES: '["127.0.0.1"]',
    },
  });
});
afterAll(() => server.stop());

let addresses = 0;
/** An address that nobody has had before. */
const newAddress = (): string => `10.0.${addresses >> 8}.${addresses++ & 255}`;

interface Asked {
  readonly key?: string;
  readonly address?: string;
  readonly method?: string;
  readonly body?: string;
}

const ask = (path: string, { key, address = newAddress(), method = 'GET', body }: Asked): Promise<Response> =>
  fetch(server.url + path, {
    method,
    headers: {
      'x-forwarded-for': address,
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body }),
  });

/** Statuses of so many requests, one after the other. */
async function statuses(times: number, path: string, asked: Asked): Promise<number[]> {
  const seen: number[] = [];
  for (let i = 0; i < times; i++) seen.push((await ask(path, asked)).status);
  return seen;
}

const rateOf = ({ headers }: Response) =>
  ['limit', 'remaining', 'reset'].map((part) => Number(headers.get(`x-ratelimit-${part}`) ?? Number.NaN));

/** Seconds, of a machine that is slow at times. */
const about = (seconds: number): number => expect.closeTo(seconds, -1);

const LIST = { method: 'POST', body: '{"params":{"path":"/"}}' } as const;

describe('an answer', () => {
  test('says what is left, whatever it is', async () => {
    const key = await server.addKey({ role: 'viewer', grants: [['direct_viewer', '/']] });
    await server.ok('write', { path: '/r', content: 'x' });
    expect(rateOf(await ask('/api/nfs/list', { key, ...LIST }))).toEqual([5, 4, about(12)]);
    expect(rateOf(await ask('/api/nfs/list', { key, ...LIST }))).toEqual([5, 3, about(24)]);
    expect(rateOf(await ask('/api/v2/files/r', { key }))).toEqual([5, 4, about(12)]);
    expect(rateOf(await ask('/api/v2/files/none', { key }))).toEqual([5, 3, about(24)]);
    expect(rateOf(await ask('/api/v2/files/r', { key, method: 'DELETE' }))).toEqual([5, 4, about(12)]);
    expect(rateOf(await ask('/api/nowhere', { key }))).toEqual([5, 4, about(12)]);
    expect(rateOf(await ask('/api/zones', { key, method: 'PATCH' }))).toEqual([5, 3, about(24)]);
    expect(rateOf(await ask('/api/nfs/no_such', { key, ...LIST }))).toEqual([5, 2, about(36)]);
    expect(rateOf(await ask('/openapi.json', {}))).toEqual([3, 2, about(20)]);
    expect(rateOf(await ask('/api/zones', {}))).toEqual([3, 2, about(20)]);
    expect(rateOf(await ask('/api/zones', { key: 'no-such-key-000000' }))).toEqual([4, 3, about(15)]);
    expect(rateOf(await ask('/api/zones', { key: ADMIN_KEY }))).toEqual([6_000_000, 5_999_999, 1]);
  });

  test('that is refused says when to come back, in the one body', async () => {
    const key = await server.addKey({ role: 'viewer' });
    expect(await statuses(5, '/api/zones', { key })).toEqual([200, 200, 200, 200, 200]);
    const refused = await ask('/api/zones', { key });
    expect(refused.status).toBe(429);
    const retry_after = Number(refused.headers.get('retry-after'));
    expect([retry_after, ...rateOf(refused)]).toEqual([about(12), 5, 0, about(60)]);
    expect(refused.headers.get('www-authenticate')).toBeNull();
    expect(await refused.json()).toEqual({
      detail: `More than 5 requests a minute; try again in ${retry_after} s`,
      code: 'rate_limited',
      error: {
        code: 'RATE_LIMITED',
        message: `More than 5 requests a minute; try again in ${retry_after} s`,
        retryable: true,
        data: { operation: 'zone.list', limit: 5, retry_after },
      },
      request_id: refused.headers.get('x-request-id'),
      retry_after,
    });
  });

  test('of the JSON-RPC door reads both ways', async () => {
    const key = await server.addKey({ role: 'viewer' });
    await statuses(5, '/api/nfs/list', { key, ...LIST });
    const refused = await ask('/api/nfs/list', { key, ...LIST });
    const retry_after = Number(refused.headers.get('retry-after'));
    expect([refused.status, retry_after]).toEqual([429, about(12)]);
    expect(await refused.json()).toMatchObject({
      jsonrpc: '2.0',
      result: null,
      detail: `More than 5 requests a minute; try again in ${retry_after} s`,
      code: 'rate_limited',
      retry_after,
      error: { code: -429, retryable: true, data: { code: 'RATE_LIMITED', operation: 'file.list', retry_after } },
    });
    const thrown = await createClient({ url: server.url, key })
      .list({ path: '/' })
      .catch((reason: unknown) => reason);
    expect(thrown).toBeInstanceOf(RateLimitError);
    expect(thrown).toMatchObject({ code: 'RATE_LIMITED', status: 429, retryAfter: about(12) });
  });

  test('after which one request passes', async () => {
    const { key } = await server.ok('admin_create_key', { name: 'k', rate_limit_per_minute: 60 });
    const refusedOf = async (): Promise<Response> => {
      for (;;) {
        const answer = await ask('/api/v1/auth/whoami', { key });
        if (answer.status === 429) return answer;
      }
    };
    const seconds = Number((await refusedOf()).headers.get('retry-after'));
    expect(seconds).toBe(1);
    await new Promise((wake) => setTimeout(wake, seconds * 1000));
    expect(await statuses(2, '/api/v1/auth/whoami', { key })).toEqual([200, 429]);
  });

  test('of health, features and metrics is never limited, with whatever credential', async () => {
    for (const path of [
      '/health',
      '/healthz',
      '/healthz/ready',
      '/api/v2/features',
      '/metrics',
      '/metrics/prometheus',
    ]) {
      for (const key of [undefined, 'no-such-key-000000', ADMIN_KEY]) {
        const asked = { address: newAddress(), ...(key === undefined ? {} : { key }) };
        const seen = new Set(await statuses(15, path, asked));
        expect([path, ...seen]).toEqual([path, 200]);
        expect(rateOf(await ask(path, asked))).toEqual([Number.NaN, Number.NaN, Number.NaN]);
      }
    }
  });
});

describe('a budget belongs', () => {
  test('to an operation: one that is used up leaves the others', async () => {
    const key = await server.addKey({ role: 'viewer' });
    expect(await statuses(6, '/api/zones', { key })).toEqual([200, 200, 200, 200, 200, 429]);
    expect((await ask('/api/v1/auth/whoami', { key })).status).toBe(200);
    expect((await ask('/api/nfs/zone_list', { key, method: 'POST', body: '{}' })).status).toBe(429);
  });

  test('to a key, not to its user', async () => {
    const keys = [await server.addKey({ subject: 'ina' }), await server.addKey({ subject: 'ina' })];
    expect(await statuses(7, '/api/zones', { key: keys[0]! })).toEqual([200, 200, 200, 200, 200, 200, 429]);
    expect((await ask('/api/zones', { key: keys[1]! })).status).toBe(200);
  });

  test('to a token, with the number of the row behind it', async () => {
    const { key } = await server.ok('admin_create_key', { name: 't', rate_limit_per_minute: 2 });
    const exchanged = await ask('/api/v1/auth/token', { key, method: 'POST' });
    const { access_token } = (await exchanged.json()) as { access_token: string };
    expect(await statuses(3, '/api/zones', { key: access_token })).toEqual([200, 200, 429]);
    expect(await statuses(3, '/api/zones', { key })).toEqual([200, 200, 429]);
  });

  test('to an address, where nothing is presented', async () => {
    const address = newAddress();
    expect(await statuses(4, '/api/auth/whoami', { address })).toEqual([200, 200, 200, 429]);
    expect(await statuses(4, '/api/zones', { address })).toEqual([401, 401, 401, 429]);
    expect((await ask('/api/auth/whoami', {})).status).toBe(200);
  });

  test('to a credential that does not work, and a dead key takes nothing from strangers', async () => {
    const address = newAddress();
    const dead = await server.ok('admin_create_key', { name: 'dead' });
    await server.ok('admin_revoke_key', { key_id: dead.key_id });
    expect(await statuses(5, '/api/zones', { key: dead.key, address })).toEqual([401, 401, 401, 401, 429]);
    expect(await statuses(4, '/api/zones', { address })).toEqual([401, 401, 401, 429]);
    expect((await ask('/api/zones', { key: 'another-one-0000000', address })).status).toBe(401);
  });

  test('also for targets that are none, and for other verbs', async () => {
    const raw = async (line: string, address: string): Promise<number> =>
      (await exchange(server.url, `${line} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: ${address}\r\n\r\n`)).status;
    for (const line of ['GET /%zz', 'DELETE /docs', 'OPTIONS /api/zones']) {
      const address = newAddress();
      const seen: number[] = [];
      for (let i = 0; i < 5; i++) seen.push(await raw(line, address));
      expect([line, seen.indexOf(429)]).toEqual([line, 3]);
    }
  });
});

describe('failures', () => {
  test('are counted for an address, all together; above it only credentials that fail are refused', async () => {
    const address = newAddress();
    const key = await server.addKey({ role: 'operator' });
    const seen: number[] = [];
    for (let i = 0; i < 14; i++) {
      const path = ['/api/zones', '/api/v2/files/x', '/api/nowhere'][i % 3]!;
      seen.push((await ask(path, { key: `guess-${i}-0123456789`, address })).status);
    }
    expect(seen).toEqual([...Array(12).fill(401), 429, 429]);
    const refused = await ask('/api/zones', { key: 'guess-x-0123456789', address });
    expect(rateOf(refused)).toEqual([12, 0, about(60)]);
    const retry_after = Number(refused.headers.get('retry-after'));
    expect(retry_after).toEqual(about(5));
    expect(await refused.json()).toMatchObject({
      detail: `More than 12 credentials a minute from this address do not work; try again in ${retry_after} s, or with one that does`,
      error: { code: 'RATE_LIMITED', data: { limit: 12, retry_after } },
    });
    expect((await ask('/api/auth/whoami', { key: 'guess-x-0123456789', address })).status).toBe(429);
    expect((await ask('/api/zones', { key: 'a.b.c', address })).status).toBe(429);
    expect((await ask('/api/zones', { key, address })).status).toBe(200);
    expect((await ask('/api/zones', { address })).status).toBe(401);
    expect((await ask('/api/zones', { key: 'guess-x-0123456789' })).status).toBe(401);
  });

  test('are also keys that fail in the body of a token request', async () => {
    const address = newAddress();
    const body = '{"api_key":"no-such-key-000000"}';
    const token = { address, method: 'POST', body };
    expect(await statuses(4, '/api/v1/auth/token', token)).toEqual([401, 401, 401, 429]);
    const seen: number[] = [];
    for (let i = 0; i < 10; i++) seen.push((await ask('/api/zones', { key: `guess-${i}-0123456789`, address })).status);
    expect(seen).toEqual([...Array(9).fill(401), 429]);
  });

  test('are none where nothing is presented', async () => {
    const address = newAddress();
    for (const path of ['/api/zones', '/api/v1/auth/whoami', '/a', '/api/nfs/list', '/api/v2/auth/keys']) {
      await statuses(4, path, { address });
    }
    expect((await ask('/api/zones', { key: 'guess-0-0123456789', address })).status).toBe(401);
  });
});

describe('an array of calls', () => {
  const call = (method: string) => ({ method, params: { path: '/' } });
  const send = (key: string, calls: readonly object[]): Promise<Response> =>
    ask('/api/nfs', { key, method: 'POST', body: JSON.stringify(calls) });

  test('that no bucket can ever hold is told so, and not to come back', async () => {
    const key = await server.addKey({ role: 'operator', grants: [['direct_owner', '/']] });
    const refused = await send(key, Array(7).fill(call('list')));
    expect([refused.status, refused.headers.get('retry-after'), await refused.json()]).toMatchObject([
      200,
      null,
      { error: { code: -32600, message: expect.stringContaining('7 calls of file.list, 6 a minute') } },
    ]);
    expect((await send(key, Array(6).fill(call('list')))).status).toBe(200);
  });

  test('takes one for each call, and fails as a whole before any has run', async () => {
    const key = await server.addKey({ role: 'operator', grants: [['direct_owner', '/']] });
    const first = await send(key, [call('list'), call('exists'), call('list')]);
    expect(first.status).toBe(200);
    expect(rateOf(first)).toEqual([6, 4, about(20)]);
    const writes = [1, 2, 3].map((n) => ({ method: 'write', params: { path: `/batch/${n}`, content: '' } }));
    const refused = await send(key, [...writes, ...Array(5).fill(call('list'))]);
    expect([refused.status, Number(refused.headers.get('retry-after'))]).toEqual([429, about(10)]);
    expect(await refused.json()).toMatchObject({ code: 'rate_limited', retry_after: about(10) });
    expect(await server.ok('exists', { path: '/batch/1' })).toEqual({ exists: false });
    expect((await send(key, [...writes, ...Array(4).fill(call('list'))])).status).toBe(200);
    expect((await ask('/api/nfs/list', { key, ...LIST })).status).toBe(429);
    expect((await ask('/api/nfs', { key, method: 'POST', body: JSON.stringify(call('list')) })).status).toBe(429);
  });

  test('that is sent too often is refused before its body is read', async () => {
    const key = await server.addKey({ role: 'viewer' });
    const seen: number[] = [];
    for (let i = 0; i < 6; i++) seen.push((await send(key, [])).status);
    expect(seen).toEqual([200, 200, 200, 200, 200, 429]);
    expect((await ask('/api/nfs', { key, method: 'POST', body: 'no JSON' })).status).toBe(429);
  });
});

describe('the number of a key', () => {
  test('counts from the next request on when it is changed', async () => {
    const { key, key_id } = await server.ok('admin_create_key', { name: 'k', rate_limit_per_minute: 2 });
    const change = (rate_limit_per_minute: number) => server.ok('admin_update_key', { key_id, rate_limit_per_minute });
    expect(await statuses(3, '/api/zones', { key })).toEqual([200, 200, 429]);
    await change(5);
    expect(await statuses(4, '/api/zones', { key })).toEqual([200, 200, 200, 429]);
    await change(4);
    expect((await ask('/api/zones', { key })).status).toBe(429);
    await change(1_000_000);
    expect(rateOf(await ask('/api/zones', { key }))[0]).toBe(1_000_000);
    await server.ok('admin_update_key', { key_id, rate_limit_per_minute: 1 });
    expect(await statuses(2, '/api/v1/auth/whoami', { key })).toEqual([200, 429]);
  });

  test('goes before its role, and a role that changes changes the number', async () => {
    const { key, key_id } = await server.ok('admin_create_key', { name: 'k', role: 'viewer' });
    expect(rateOf(await ask('/api/zones', { key }))[0]).toBe(5);
    await server.ok('admin_update_key', { key_id, role: 'operator' });
    expect(rateOf(await ask('/api/zones', { key }))[0]).toBe(6);
    const app = await server.ok('admin_create_key', { name: 'a', subject_type: 'app', subject_id: 'a' });
    expect(rateOf(await ask('/api/zones', { key: app.key }))[0]).toBe(100);
  });
});

test('every operation has a bucket of its own, which all its routes share', async () => {
  const made = await server.ok('admin_create_key', { name: 'k', role: 'viewer', rate_limit_per_minute: 20 });
  const remaining = async (path: string, method: string): Promise<number | undefined> => {
    const hasBody = method !== 'GET' && method !== 'DELETE';
    // Who would wait for something is told not to; the others refuse the parameter, which counts as well.
    const target = method === 'GET' ? `${path}?timeout=0.1` : path;
    return rateOf(await ask(target, { key: made.key, method, ...(hasBody ? { body: '{}' } : {}) }))[1];
  };
  for (const { name, http, rpc } of publicOperations) {
    const paths = http ? [http.path, ...(http.aliases ?? [])].map((path) => path.replace(/:\w+/g, 'x')) : [];
    const calls = [
      ...paths.map((path) => [path, http?.method ?? ''] as const),
      ...[rpc?.name ?? [], rpc?.aliases ?? []].flat().map((method) => [`/api/nfs/${method}`, 'POST'] as const),
    ];
    for (const [n, [path, method]] of calls.entries()) {
      expect([name, path, await remaining(path, method)]).toEqual([name, path, 19 - n]);
    }
  }
});

test('what is refused is counted, and the switch is told', async () => {
  const features = await ask('/api/v2/features', {});
  expect(await features.json()).toMatchObject({ rate_limit_enabled: true });
  const count = async (): Promise<number> => {
    const { counters } = (await (await ask('/metrics?format=json', {})).json()) as { counters: Record<string, number> };
    return counters['rate.limited'] ?? 0;
  };
  const before = await count();
  await statuses(4, '/docs', { address: newAddress() });
  expect(await count()).toBe(before + 1);
});

test('switched off, nothing is limited or said', async () => {
  const off = await startTestServer({
    environment: { NEXUS_RATE_LIMIT_ENABLED: 'false', NEXUS_RATE_LIMIT_ANONYMOUS_PER_MINUTE: '1' },
  });
  for (let i = 0; i < 5; i++) {
    const answer = await fetch(`${off.url}/api/auth/whoami`);
    expect([answer.status, ...rateOf(answer)]).toEqual([200, Number.NaN, Number.NaN, Number.NaN]);
  }
  expect(await (await fetch(`${off.url}/api/v2/features`)).json()).toMatchObject({ rate_limit_enabled: false });
  const calls = JSON.stringify([{ method: 'list', params: { path: '/' } }]);
  const headers = { 'content-type': 'application/json' };
  expect((await off.http('/api/nfs', { method: 'POST', headers, body: calls })).status).toBe(200);
  await off.stop();
});
