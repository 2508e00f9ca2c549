/** What the server says without a key: probes, features, metrics, documents; and what browsers of other origins get. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../../test/harness.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ environment: { NEXUS_CORS_ORIGINS: '["https://app.example"]' } });
  await server.ok('write', { path: '/a.txt', content: 'x' });
});
afterAll(() => server.stop());

/** An answer's JSON, an object. */
const json = async (path: string): Promise<Readonly<Record<string, unknown>>> => (await open(path)).json() as never;

const open = (path: string, init: RequestInit = {}): Promise<Response> => fetch(server.url + path, init);

describe('without credentials', () => {
  test('health names this node and hides the machine', async () => {
    const health = await json('/health');
    expect(health).toMatchObject({ status: 'healthy', healthy: true, service: 'nexus', enforce_permissions: true });
    expect(health.healthy_nodes).toEqual([health.node]);
    const detailed = await (await open('/health/detailed')).text();
    expect(detailed).not.toContain(server.config.DATA_DIR);
    expect(JSON.parse(detailed)).toMatchObject({ components: { sql: { status: 'healthy' } } });
  });

  test.each([
    ['/healthz', 'ok'],
    ['/healthz/live', 'alive'],
    ['/healthz/ready', 'ready'],
    ['/healthz/startup', 'started'],
  ])('%s says %s', async (path, status) => {
    const answer = await open(path);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ status });
    expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('features list permissions among the bricks', async () => {
    const features = await json('/api/v2/features');
    expect(features).toMatchObject({ profile: 'embedded', mode: 'standalone' });
    expect(features.enabled_bricks).toContain('permissions');
  });

  test('everything else is 401, known or not, before its body is read', async () => {
    for (const path of ['/api/nfs/read', '/api/zones', '/nowhere', '/api/v2/files/a.txt']) {
      const answer = await open(path, { method: 'POST', body: 'no json' });
      expect([path, answer.status]).toEqual([path, 401]);
    }
  });
});

describe('metrics', () => {
  test.each([
    ['text/plain;version=0.0.4;q=0.5,*/*;q=0.1', {}, 'text/plain'],
    ['*/*', {}, 'application/json'],
    ['*/*', { authorization: 'Bearer x' }, 'text/plain'],
    ['application/json, text/plain, */*', {}, 'application/json'],
    ['application/json, text/plain, */*', { authorization: 'Bearer x' }, 'application/json'],
    ['application/openmetrics-text, application/json;q=0.9', {}, 'text/plain'],
  ])('Accept %s with %j gets %s', async (accept, headers, type) => {
    const answer = await open('/metrics', { headers: { accept, ...headers } });
    expect(answer.headers.get('content-type')).toContain(type);
    expect(answer.headers.get('vary')).toContain('Accept, Authorization');
  });

  test('an unknown format is 422', async () => {
    expect((await open('/metrics?format=xml')).status).toBe(422);
  });

  test('the exposition counts by template and method, each metric with its type, and no path of a client', async () => {
    await open('/made-up-by-a-client');
    const text = await (await open('/metrics/prometheus')).text();
    expect(text).toMatch(/^http_requests_total\{[^}]*endpoint="write"[^}]*\} [1-9]/m);
    expect(text).toMatch(/^nexus_http_requests_total\{[^}]*endpoint="write",path="write"/m);
    expect(text).toMatch(/^nexus_files 1$/m);
    expect(text).not.toContain('made-up-by-a-client');
    const typed = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map((found) => found[1]));
    for (const [, name = ''] of text.matchAll(/^([a-z_]+)(?:\{|\s)/gm)) {
      expect(typed).toContain(typed.has(name) ? name : name.replace(/_(bucket|sum|count)$/, ''));
    }
  });
});

describe('documents', () => {
  test('the OpenAPI document has every operation that a door offers', async () => {
    const document = await json('/openapi.json');
    expect(document.openapi).toBe('3.1.0');
    const paths = document.paths as Readonly<Record<string, unknown>>;
    expect(paths['/api/nfs/write']).toMatchObject({ post: { 'x-nexus-role': 'operator' } });
    expect(paths['/api/zones']).toMatchObject({ post: { responses: { 201: { description: 'Success' } } } });
    expect(Object.keys(paths).length).toBeGreaterThan(30);
  });

  test('the page names calls and faults, and runs no script', async () => {
    const answer = await open('/docs');
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
    const page = await answer.text();
    expect(page).toContain('POST /api/nfs/write');
    expect(page).toContain('QUOTA_EXCEEDED');
    expect(page).not.toContain('<script');
  });
});

describe('browsers of other origins', () => {
  const preflight = (origin: string): Promise<Response> =>
    open('/api/nfs/read', {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'x-nexus-meta-colour',
      },
    });

  test('a named origin may call, with its metadata headers', async () => {
    const answer = await preflight('https://app.example');
    expect(answer.status).toBe(204);
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://app.example');
    expect(answer.headers.get('access-control-allow-headers')).toContain('x-nexus-meta-colour');
  });

  test('another is told nothing', async () => {
    expect((await preflight('https://evil.example')).headers.get('access-control-allow-origin')).toBeNull();
  });
});
