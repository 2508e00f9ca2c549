/**
 * Bad input of every kind, to every operation, at every door of HTTP: each answer is a fault of the table in its own
 * status and envelope, or what the operation's schema allows; no failed call changes anything; nothing hangs.
 * NEXUS_TEST_ROUNDS says how many times as much is tried.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FAULTS } from '../src/base/faults.ts';
import type { AnyOperation } from '../src/core/operation.ts';
import { publicOperations } from '../src/core/operations.ts';
import { shapeOf } from '../src/core/shape-of.ts';
import { AWKWARD, mangled, ODD_TARGETS, plausible, withAwkward } from './fuzz-values.ts';
import { ADMIN_KEY, startTestServer, type TestServer } from './harness.ts';
import { exchange, openSocket, wire } from './raw-http.ts';

const ROUNDS = Number(process.env.NEXUS_TEST_ROUNDS ?? 1);
/** Awkward values that one parameter gets in a round; over the parameters, all of them come up. */
const VALUES = 3;
/** What takes longer hangs. */
const PATIENCE_MS = 20_000;
const NO_LIMIT = 3_600_000;

let server: TestServer;
/** Things that are there, by the names that the steps have for them. */
let kept: ReadonlyMap<string, unknown>;

beforeAll(async () => {
  server = await startTestServer({ environment: { NEXUS_EMBEDDED_WORKER: 'false' } });
  await server.addZone('fuzz');
  const { etag, revision } = await server.ok('write', { path: '/docs/a.md', content: 'one\ntwo\n' });
  const { key_id } = await server.ok('admin_create_key', { name: 'fuzz' });
  const { snapshot_id } = await server.ok('tree_snapshot_create', { name: 'before' });
  await server.ok('tree_branch_create', { name: 'try-it' });
  const { share_id } = await server.ok('share_with_user', { path: '/docs', user_id: 'eve' });
  kept = new Map(
    Object.entries({
      zone: 'fuzz',
      etag,
      wrote: revision,
      at: revision,
      one: key_id,
      two: key_id,
      snap: snapshot_id,
      share: share_id,
      fact: share_id,
    }),
  );
});

afterAll(() => server.stop());

interface Answer {
  readonly status: number;
  readonly text: string;
}

async function send(path: string, init: RequestInit): Promise<Answer> {
  const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json', ...init.headers };
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const response = await fetch(server.url + path, { ...init, headers, signal });
  if (response.headers.get('content-type') === 'text/event-stream') {
    await response.body?.cancel();
    return { status: response.status, text: '' };
  }
  return { status: response.status, text: await response.text() };
}

/** What a failed call may not change. */
async function state(): Promise<unknown> {
  return server.sql.write('root', async (tx) => [
    await tx.all('SELECT COUNT(*) AS n FROM events', []),
    await tx.all(
      'SELECT zone_id, phase, seq, used_storage_bytes, used_files, used_keys, used_tuples FROM zones ORDER BY zone_id',
      [],
    ),
    await tx.all(
      'SELECT ended, COUNT(*) AS n, SUM(began) AS began, SUM(version) AS versions FROM file_states GROUP BY ended ORDER BY ended',
      [],
    ),
    await tx.all('SELECT COUNT(*) AS n FROM tuples', []),
    await tx.all('SELECT COUNT(*) AS n FROM keys', []),
    await tx.all('SELECT COUNT(*) AS n, SUM(spec_generation) AS specs FROM agents', []),
    await tx.all('SELECT COUNT(*) AS n FROM messages', []),
  ]);
}

interface Failure {
  readonly code?: unknown;
  readonly error?: { readonly code?: unknown; readonly message?: unknown; readonly data?: { readonly code?: unknown } };
  readonly request_id?: unknown;
}

/** What is wrong with a failure as it was answered; undefined for one that is as the table says. */
function wrongIn({ status, text }: Answer, door: 'rpc' | 'rest'): string | undefined {
  const { error, request_id } = JSON.parse(text) as Failure;
  const code = door === 'rpc' ? error?.data?.code : error?.code;
  const row = Object.entries(FAULTS).find(([known]) => known === code)?.[1];
  if (!row) return 'no code of the table';
  if (code === 'INTERNAL') return 'a defect of the server';
  if (typeof error?.message !== 'string') return 'no message';
  if (door === 'rest')
    return status === row.http && request_id ? undefined : `has to be ${row.http}, with a request id`;
  const wanted = row.rpc === 'http' ? [row.http, -row.http] : [200, row.rpc];
  return status === wanted[0] && error.code === wanted[1] ? undefined : `has to be ${wanted}`;
}

interface Tried {
  readonly operation: AnyOperation;
  readonly door: 'rpc' | 'rest';
  readonly what: string;
  call(): Promise<Answer>;
}

/** What went wrong, with what brings it about. */
async function breachOf({ operation, door, what, call }: Tried): Promise<string | undefined> {
  const before = await state();
  const answer = await call();
  const tell = (breach: string): string =>
    `${operation.name} by ${door}, ${what}: ${breach}: ${answer.status} ${answer.text.slice(0, 300)}`;
  const good = answer.status < 300 && !(door === 'rpc' && failedInside(answer.text));
  if (good) {
    const schemaHolds = isAllowed(operation, door, answer.text);
    return schemaHolds ? undefined : tell('not what the schema allows');
  }
  const wrong = wrongIn(answer, door);
  if (wrong) return tell(wrong);
  const after = await state();
  return JSON.stringify(after) === JSON.stringify(before) ? undefined : tell('something changed');
}

const failedInside = (text: string): boolean => (JSON.parse(text) as Failure).error !== null;

function isAllowed(operation: AnyOperation, door: 'rpc' | 'rest', text: string): boolean {
  if (door === 'rpc' && operation.rpc?.present) return true;
  if (text === '') return operation.http?.status === 204 || operation.stream !== undefined;
  const body: unknown = JSON.parse(text);
  const output = door === 'rpc' ? (body as { result: unknown }).result : body;
  const shown = door === 'rest' ? operation.http?.body : undefined;
  return (shown ?? operation.output).safeParse(output).success;
}

/** A call whose parameters are a JSON text, at each door of the operation. */
function callsOf(operation: AnyOperation, name: string, json: string): Tried[] {
  const { rpc, http } = operation;
  const what = `${name} ${json.slice(0, 300)}`;
  const calls: Tried[] = [];
  if (rpc) {
    const body = `{"method":"${rpc.name}","id":1,"params":${json}}`;
    calls.push({ operation, door: 'rpc', what, call: () => send(`/api/nfs/${rpc.name}`, { method: 'POST', body }) });
  }
  if (http && http.method !== 'GET' && http.method !== 'DELETE') {
    const path = http.path.replace(/:\w+/g, 'none');
    calls.push({ operation, door: 'rest', what, call: () => send(path, { method: http.method, body: json }) });
  }
  return calls;
}

/** The same text as a part of the path or the query. */
function textCallsOf(operation: AnyOperation, name: string, text: string): Tried[] {
  const { http } = operation;
  if (!http) return [];
  const part = encodeURIComponent(text.toWellFormed()) || 'x';
  const inPath = http.path.includes(`:${name}`);
  const path = http.path
    .replace(`:${name}`, part === '.' || part === '..' ? '%2e%2e%2e' : part)
    .replace(/:\w+/g, 'none');
  const quick = operation.linger && name !== 'timeout' ? '&timeout=0.1' : '';
  const target = inPath ? path : `${path}?${name}=${part}&${name}x=1`.replace(/&.*$/, '') + quick;
  const call = (): Promise<Answer> => send(target, { method: http.method });
  return [{ operation, door: 'rest', what: `${http.method} ${target.slice(0, 300)}`, call }];
}

/** No zone of this server may go meanwhile, and no key. */
const SPARED = new Set(['zone.delete', 'key.admin-revoke', 'key.revoke']);

describe('every parameter of every operation, given what it does not take', () => {
  const offered = publicOperations.filter(({ rpc, http, name }) => (rpc || http) && !SPARED.has(name));
  test.each(offered.map((operation) => [operation.name, operation] as const))(
    '%s',
    async (_name, operation) => {
      const input = plausible(operation.name, kept);
      const breaches: (string | undefined)[] = [];
      const parameters = [...Object.keys(shapeOf(operation)), '__proto__', 'no_such_parameter'];
      for (const [i, name] of parameters.entries()) {
        for (let n = 0; n < VALUES * ROUNDS; n++) {
          // A stride without a common divisor, so that neighbours get other values.
          const text = AWKWARD[(offered.indexOf(operation) * 7 + i * 13 + n * 29) % AWKWARD.length]!;
          const tried = [
            ...callsOf(operation, name, withAwkward(input, name, text)),
            ...textCallsOf(operation, name, text.replaceAll('"', '')),
          ];
          for (const one of tried) breaches.push(await breachOf(one));
        }
      }
      expect(breaches.filter((breach) => breach !== undefined)).toEqual([]);
    },
    ROUNDS > 1 ? NO_LIMIT : 60_000,
  );
});

describe('what is no call', () => {
  const good = '{"jsonrpc":"2.0","method":"write","params":{"path":"/fuzz","content":"ä\\u0041"},"id":"é"}';
  const write = publicOperations.find(({ name }) => name === 'file.write')!;

  test(
    'bodies with broken JSON and broken UTF-8',
    async () => {
      const bodies = fc.sample(mangled(good), { seed: 1, numRuns: 150 * ROUNDS });
      const breaches: (string | undefined)[] = [];
      for (const body of bodies) {
        const what = JSON.stringify(body.toString('latin1'));
        const call = (): Promise<Answer> => send('/api/nfs/write', { method: 'POST', body: new Uint8Array(body) });
        breaches.push(await breachOf({ operation: write, door: 'rpc', what, call }));
      }
      expect(breaches.filter((breach) => breach !== undefined)).toEqual([]);
    },
    ROUNDS > 1 ? NO_LIMIT : 60_000,
  );

  test('bodies of another shape or type', async () => {
    const bodies = [
      ...AWKWARD,
      `[${good}]`,
      '[1]',
      `{"params":[]}`,
      `{"params":"x"}`,
      `{"method":1}`,
      `${good}${good}`,
    ];
    const types = [
      'text/plain',
      'application/x-www-form-urlencoded',
      'application/json; charset=latin1',
      'json',
      '/',
      'a/b/c',
      '*/*',
    ];
    const breaches: (string | undefined)[] = [];
    for (const [i, body] of bodies.entries()) {
      for (const type of ['application/json', types[i % types.length]!]) {
        const init = { method: 'POST', body, headers: { 'content-type': type } };
        const call = (): Promise<Answer> => send('/api/nfs/write', init);
        breaches.push(await breachOf({ operation: write, door: 'rpc', what: `${type} ${body.slice(0, 200)}`, call }));
      }
    }
    expect(breaches.filter((breach) => breach !== undefined)).toEqual([]);
  });

  test('targets that no client would send', async () => {
    const breaches: string[] = [];
    for (const method of ['GET', 'PUT', 'DELETE', 'POST', 'BREW']) {
      for (const target of ODD_TARGETS) {
        const line = `${method} /api/v2/files${target}`;
        const before = JSON.stringify(await state());
        const { status, body } = await exchange(server.url, wire(line, ['Content-Length: 0', 'Connection: close']));
        if (status < 400) continue;
        const wrong = wrongIn({ status, text: body.toString() }, 'rest');
        if (wrong) breaches.push(`${line}: ${wrong}: ${status} ${body.toString().slice(0, 200)}`);
        else if (JSON.stringify(await state()) !== before) breaches.push(`${line}: something changed`);
      }
    }
    expect(breaches).toEqual([]);
  }, 60_000);

  test(
    'bytes that are no request',
    async () => {
      const request = wire(
        'POST /api/nfs/write',
        ['Content-Type: application/json', `Content-Length: ${Buffer.byteLength(good)}`],
        good,
      );
      const noise = fc.uint8Array({ minLength: 1, maxLength: 400 }).map((bytes) => Buffer.from(bytes));
      const breaches: string[] = [];
      for (const bytes of fc.sample(fc.oneof(mangled(request), noise), { seed: 2, numRuns: 100 * ROUNDS })) {
        const answer = await wholeAnswer(bytes);
        const status = /^HTTP\/1\.1 (\d+) /.exec(answer)?.[1] ?? 'none';
        if (status.startsWith('5') || (answer !== '' && status === 'none')) {
          breaches.push(`${JSON.stringify(bytes.toString('latin1'))}: ${answer.slice(0, 300)}`);
        }
      }
      expect(breaches).toEqual([]);
      expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
    },
    ROUNDS > 1 ? NO_LIMIT : 60_000,
  );
});

/** All that comes back for some bytes and the end of them. */
async function wholeAnswer(bytes: Buffer): Promise<string> {
  const socket = await openSocket(server.url);
  const seen: Buffer[] = [];
  const hangs = setTimeout(
    () => socket.destroy(new Error(`no answer to ${JSON.stringify(bytes.toString('latin1'))}`)),
    PATIENCE_MS,
  );
  socket.on('data', (piece) => seen.push(Buffer.from(piece)));
  // What is refused while it is still being sent is reset; the answer came before.
  const ended = new Promise<void>((resolve, reject) => {
    socket.once('close', () => resolve());
    socket.once('error', (reason: NodeJS.ErrnoException) => (reason.code ? resolve() : reject(reason)));
  });
  socket.end(bytes);
  try {
    await ended;
  } finally {
    clearTimeout(hangs);
  }
  return Buffer.concat(seen).toString('latin1');
}
