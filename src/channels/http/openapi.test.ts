/** `/openapi.json` as programs that read such documents see it, and beside what the server does. */
import { subscribe } from 'node:diagnostics_channel';
import { Validator } from '@seriousme/openapi-schema-validator';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Answered, type ApiDocument, conformityTo } from '../../../test/conformity.ts';
import { startTestServer, type TestServer } from '../../../test/harness.ts';
import { apiDocument } from '../../../tools/api-docs.ts';
import { documentPath } from './own-calls.ts';

interface Route {
  readonly method: string | readonly string[];
  readonly url: string;
  readonly endings: readonly string[] | undefined;
}

/** All that Fastify was given. */
const routes: Route[] = [];
// Fastify tells of each instance here before it has a route, however long ago it was loaded.
subscribe('fastify.initialization', (message) => {
  const { fastify } = message as { fastify: FastifyInstance };
  fastify.addHook('onRoute', ({ method, url, config }) => {
    routes.push({ method, url, endings: config?.endings });
  });
});

let server: TestServer;
let text: string;
let document: ApiDocument;

beforeAll(async () => {
  server = await startTestServer({ environment: { NEXUS_MCP_SSE: 'true', NEXUS_RATE_LIMIT_ENABLED: 'false' } });
  text = await (await fetch(`${server.url}/openapi.json`)).text();
  document = JSON.parse(text);
});

afterAll(() => server.stop());

test('it is OpenAPI 3.1, and each reference in it leads somewhere', async () => {
  const validator = new Validator();
  expect(await validator.validate(JSON.parse(text))).toEqual({ valid: true });
  expect(validator.version).toBe('3.1');
  validator.resolveRefs();
  expect(text).not.toContain('$defs');
});

test('what schemas refer to has a name that tells something', () => {
  expect(Object.keys(document.components.schemas).filter((name) => !/^[A-Z][A-Za-z]+$/.test(name))).toEqual([]);
});

const calls = (): (readonly [verb: string, path: string, operationId: string])[] =>
  Object.entries(document.paths).flatMap(([path, verbs]) =>
    Object.entries(verbs).map(([verb, call]) => [verb, path, call.operationId] as const),
  );

test('every route of the server is in it, in docs/api.md, and on the page', async () => {
  // A HEAD is a GET without the body; what is told of it and of OPTIONS is told of the few that have one of their own.
  const verbsOf = ({ method }: Route): string[] => [method].flat().filter((verb) => !/HEAD|OPTIONS/.test(verb));
  // A path of any depth has a name of its own there.
  const has = new Set(calls().map(([verb, path]) => `${verb} ${path.replace(/\{\w+\}$/, '{path}')}`));
  const isMissing = (url: string, verb: string): boolean =>
    !document.paths[url]?.[verb] && ![url, `${url}/{path}`].some((path) => has.has(`${verb} ${path}`));
  const wanted = routes.flatMap((route) => {
    const urls = route.endings?.map((ending) => route.url.replace('*', `{mount_point}/${ending}`)) ?? [route.url];
    return urls.flatMap((url) => verbsOf(route).map((verb) => [documentPath(url), verb] as const));
  });
  expect(wanted.length).toBeGreaterThan(150);
  const exceptions = new Set([
    // Each method has a path of its own in the document.
    'POST /api/nfs/{method}',
    // For clients that cannot send PATCH, HEAD or DELETE; told of as a header there.
    'POST /api/v2/uploads/{upload_id}',
  ]);
  const gone = wanted
    .filter(([url, verb]) => isMissing(url, verb.toLowerCase()))
    .map(([url, verb]) => `${verb} ${url}`);
  expect(gone.filter((call) => !exceptions.has(call))).toEqual([]);

  const written = apiDocument();
  const page = await (await fetch(`${server.url}/docs`)).text();
  const untold = calls().filter(([verb, path]) => {
    const call = `${verb.toUpperCase()} ${path}`;
    const routed = `${verb.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`;
    return ![written, page].every((told) => told.includes(call) || told.includes(routed));
  });
  expect(untold).toEqual([]);
});

test('each call has a name of its own, and says what it answers', () => {
  const ids = calls().map(([, , operationId]) => operationId);
  expect(ids.filter((id, i) => !id || ids.indexOf(id) < i)).toEqual([]);
  const silent = calls().filter(([verb, path]) => {
    const { responses = {} } = document.paths[path]?.[verb] ?? {};
    if (verb === 'head') return false;
    const bodiless = path === '/api/v2/uploads' ? /201|204/ : /202|204|304/;
    return Object.entries(responses).some(([status, { content }]) => !content && !bodiless.test(status));
  });
  expect(silent).toEqual([]);
});

interface Sent {
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly query?: string;
  /** It is the body that is wrong. */
  readonly ofBody?: true;
}

test('what a call is refused with is what it declares', { timeout: 120_000 }, async () => {
  const key = await server.addKey({ subject: 'looker', role: 'viewer' });
  const keyed = { authorization: `Bearer ${key}` };
  const json = { 'content-type': 'application/json' };
  const refusals: readonly Sent[] = [
    { headers: {} },
    { headers: { authorization: 'Bearer never-was-a-key-000' } },
    { headers: { ...keyed, ...json }, query: 'no_such_parameter=1', body: '{"no_such_parameter": 1}' },
    { headers: { ...keyed, ...json, 'x-nexus-zone-id': 'nowhere' }, body: '{}' },
    { headers: { ...keyed, ...json, 'x-nexus-zone-id': 'a', 'x-tenant-id': 'b' }, body: '{}' },
    { headers: { ...keyed, ...json }, body: '{"a": ', ofBody: true },
    { headers: { ...keyed, 'content-type': 'text/csv' }, body: 'a,b', ofBody: true },
    { headers: { ...keyed, ...json, 'content-encoding': 'gzip' }, body: '{}', ofBody: true },
  ];
  const check = conformityTo(document);
  const wrong: string[] = [];
  let sent = 0;
  // What answers for as long as its client listens, and what takes any body as content.
  const lasting = /^\/sse|^\/api\/v2\/files\/|^\/api\/v2\/uploads/;
  for (const [verb, path] of calls().filter(([, one]) => !lasting.test(one))) {
    const method = verb.toUpperCase();
    for (const { headers, body, query, ofBody } of refusals) {
      const url = `${server.url}${path.replace(/\{\w+\}/g, 'none')}${query ? `?${query}` : ''}`;
      const bodied = body !== undefined && !/GET|HEAD|OPTIONS/.test(method);
      if (ofBody && !bodied) continue;
      const response = await fetch(url, {
        method,
        headers,
        ...(bodied ? { body } : {}),
        signal: AbortSignal.timeout(20_000),
      });
      const type = response.headers.get('content-type') ?? '';
      const answer: Answered = { method, url: `${server.url}${path}`, status: response.status, type, text: '' };
      const isText = type.startsWith('application/json');
      if (!isText) await response.body?.cancel();
      const problem = check({ ...answer, text: isText ? await response.text() : '' });
      if (problem) wrong.push(problem);
      sent++;
    }
  }
  expect([...new Set(wrong)]).toEqual([]);
  expect(sent).toBeGreaterThan(1_000);
});
