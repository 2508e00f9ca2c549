/**
 * Every operation through every door it has: the same steps in a zone of each door's own give the same answers and the
 * same faults, and the documents made from the operations name every door.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { protocolOperations, publicOperations } from '../../src/core/operations.ts';
import { toolOf } from '../../src/core/tools.ts';
import { apiDocument } from '../../tools/api-docs.ts';
import { type ApiDocument, conformityTo, recordAnswers } from '../conformity.ts';
import { ADMIN_KEY, startTestServer, type TestServer } from '../harness.ts';
import { DOORS, type Outcome } from './doors.ts';
import { filled, STEPS, type Step } from './steps.ts';

let server: TestServer;

beforeAll(async () => {
  // Jobs stay as they are put.
  server = await startTestServer({ environment: { NEXUS_EMBEDDED_WORKER: 'false' } });
});

afterAll(() => server.stop());

test('the steps use every operation that a door offers', () => {
  const used = new Set(STEPS.map(({ op }) => op));
  expect([...used].sort()).toEqual(publicOperations.map(({ name }) => name).sort());
});

test('every door gives the same answers, each as /openapi.json says', async () => {
  const document = (await (await fetch(`${server.url}/openapi.json`)).json()) as ApiDocument;
  const recorded = recordAnswers();
  const names = Object.keys(DOORS);
  const actors = await Promise.all(names.map(actorOf));
  for (const [i, step] of STEPS.entries()) {
    const [first, ...others] = await Promise.all(actors.map((act) => act(step)));
    const at = `step ${i} ${step.op} ${JSON.stringify(step.input)}`;
    if (step.fault) expect(first, at).toMatchObject({ fault: step.fault });
    else expect(first, at).toHaveProperty('answer');
    for (const [n, other] of others.entries()) expect.soft(other, `${at} by ${names[n + 1]}`).toEqual(first);
  }
  const answers = recorded();
  expect(answers.length).toBeGreaterThan(2 * STEPS.length);
  const wrong = answers.map(conformityTo(document)).filter((problem) => problem !== undefined);
  expect([...new Set(wrong)]).toEqual([]);
});

type Actor = (step: Step) => Promise<unknown>;

/** A door with its own zone, which remembers what its steps kept. */
async function actorOf(name: string): Promise<Actor> {
  const door = DOORS[name]!;
  const zone_id = `by-${name}`;
  await server.ok('zone_create', { zone_id, name: 'Parity' });
  const { key } = await server.ok('admin_create_key', { zone_id, name: 'owner', role: 'admin' });
  const kept = new Map<string, unknown>([['zone', zone_id]]);
  return async (step) => {
    const operation = publicOperations.find((one) => one.name === step.op);
    if (!operation) throw new Error(`no operation ${step.op}`);
    const input = filled(step.input, kept) as Step['input'];
    const place = { url: server.url, key: step.by === 'root' ? ADMIN_KEY : key };
    const outcome = await door(place, { operation, input, take: step.take });
    for (const [as, part] of Object.entries(step.keep ?? {})) kept.set(as, partOf(outcome, part));
    return normal(outcome, { zone_id, unordered: step.unordered ?? false });
  };
}

/** `name` may lead into what is inside: `items.0.id`. */
function partOf(outcome: Outcome, name: string): unknown {
  let part: unknown = 'answer' in outcome ? outcome.answer : undefined;
  for (const field of name.split('.')) part = Object.entries(part ?? {}).find(([key]) => key === field)?.[1];
  if (part === undefined) throw new Error(`no ${name} in ${JSON.stringify(outcome)}`);
  return part;
}

/** Values that differ from zone to zone whatever the door, and the name of the door. */
const OWN = new Set([
  'key',
  'raw_key',
  'api_key',
  'access_token',
  'key_prefix',
  'next_cursor',
  'request_id',
  'consistency_token',
  'last_used_at',
  'payload_hash',
  'channel',
  // The number of an audit row: equal refusals of one second are one.
  'governance_decision_id',
]);
/** Counts of the whole node, which every call moves, and times that something took. */
const COUNTS = new Set(['hits', 'misses', 'sets', 'invalidations', 'l1_size', 'runtime_ms']);
const ID = /\b([a-z]+-[0-9a-f]{24}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})/g;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

interface Scene {
  readonly zone_id: string;
  readonly unordered: boolean;
}

/** An outcome without what cannot be equal: times, ids, texts of keys, cursors, the name of the zone. */
function normal(value: unknown, scene: Scene): unknown {
  if (typeof value === 'string') {
    return TIME.test(value) ? '<time>' : value.replaceAll(scene.zone_id, '<zone>').replace(ID, '<id>');
  }
  if (Array.isArray(value)) {
    const items = value.map((item) => normal(item, scene));
    const text = (item: unknown): string => JSON.stringify(item);
    return scene.unordered ? items.toSorted((a, b) => (text(a) < text(b) ? -1 : 1)) : items;
  }
  if (typeof value !== 'object' || value === null) return value;
  // The number of a row of the audit log, under whatever name.
  const { audit_id } = value as { audit_id?: unknown };
  const entries = Object.entries(value).map(([key, item]) => {
    const numbered = audit_id !== undefined && item === audit_id;
    const masked = numbered || (OWN.has(key) && (typeof item === 'string' || key === 'last_used_at'));
    const own = masked || (COUNTS.has(key) && typeof item === 'number');
    return [String(normal(key, scene)), own ? `<${key}>` : normal(item, scene)];
  });
  return Object.fromEntries(entries);
}

describe('the documents made from the operations name every door', () => {
  const offered = publicOperations.filter((operation) => operation.rpc || operation.http);

  test('/openapi.json', async () => {
    const response = await fetch(`${server.url}/openapi.json`);
    const { paths } = (await response.json()) as { paths: Record<string, Record<string, unknown>> };
    const has = Object.entries(paths).flatMap(([path, verbs]) => Object.keys(verbs).map((verb) => `${verb} ${path}`));
    const wanted = offered.flatMap(({ rpc, http }) => [
      ...(rpc ? [`post /api/nfs/${rpc.name}`] : []),
      ...(http ? [`${http.method.toLowerCase()} ${http.path.replace(/:(\w+)/g, '{$1}')}`] : []),
    ]);
    expect(wanted.filter((call) => !has.includes(call))).toEqual([]);
  });

  test('what has a door of its own', async () => {
    const response = await fetch(`${server.url}/openapi.json`);
    const { paths } = (await response.json()) as { paths: Record<string, Record<string, { operationId: string }>> };
    const ids = Object.values(paths).flatMap((verbs) => Object.values(verbs).map((call) => call.operationId));
    expect(protocolOperations.map(({ name }) => name).filter((name) => !ids.includes(name))).toEqual([]);
    expect(new Set(ids.filter(Boolean)).size).toBe(ids.filter(Boolean).length);
    const verbs = (path: string): string[] => Object.keys(paths[path] ?? {}).sort();
    expect(verbs('/api/v2/uploads')).toEqual(['get', 'options', 'post']);
    expect(verbs('/api/v2/uploads/{upload_id}')).toEqual(['delete', 'get', 'head', 'options', 'patch']);
    const page = await (await fetch(`${server.url}/docs`)).text();
    expect(page).toContain('PATCH /api/v2/uploads/{upload_id}');
  });

  test('docs/api.md', () => {
    const text = apiDocument();
    const wanted = offered.flatMap(({ name, rpc, http, cli }) => [
      `### ${name}\n`,
      ...(rpc ? [`\`POST /api/nfs/${rpc.name}\``] : []),
      ...(http ? [`\`${http.method} ${http.path}\``] : []),
      ...(cli ? [`\`nexus ${cli.words}\``] : []),
      ...(toolOf({ name }) ? [`tool \`${toolOf({ name })?.name}\``] : []),
    ]);
    expect(wanted.filter((call) => !text.includes(call))).toEqual([]);
  });
});
