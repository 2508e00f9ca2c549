/** Bricks: what is of which, what is off and what goes on while it is, who switches, and that calls that run end first. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AgentServer, type Answered, startAgentServer } from '../../../test/agent-server.ts';
import { forEachEngine, startTestServer } from '../../../test/harness.ts';
import { base64 } from '../../../test/tus/client.ts';
import { type Half, halfPatch } from '../../../test/tus/half.ts';
import { tusOf } from '../../../test/tus/ours.ts';
import { BRICKS, type BrickName, brickRows } from '../../base/bricks.ts';
import { allOperations, presentBricks, protocolOperations, publicOperations } from '../../core/operations.ts';
import type { JobObject } from '../jobs/job-object.ts';
import type { BrickList } from './bricks.operations.ts';
import { type BrickRow, dependentsOf, statusOf } from './bricks.ts';

const ROOT = '/api/v2/bricks';

/** Where the operations of a brick are, by the contracts. */
const ROUTES: Readonly<Record<string, BrickName>> = {
  '/api/v2/agents': 'agents',
  '/api/v2/ipc': 'ipc',
  '/api/v2/scheduler': 'scheduler',
  '/api/v2/uploads': 'uploads',
  '/api/v2/sync': 'sync',
  '/api/v2/mounts': 'mount',
  '/api/v2/connectors': 'mount',
  '/api/v2/webhooks': 'webhooks',
  '/api/v2/sandboxes': 'sandboxes',
  '/api/v2/workflows': 'workflows',
  '/api/v2/executions': 'workflows',
  '/api/v2/backups': 'backups',
  '/api/v2/zones/:zone_id/export': 'backups',
  '/api/v2/zones/import': 'backups',
  '/api/v1/ingest': 'corpus',
  '/api/v1/documents': 'corpus',
  '/api/v1/hypergraph': 'corpus',
  '/api/v1/governance': 'corpus',
  '/api/v1/evolve': 'corpus',
  '/api/v1/branches': 'corpus',
  '/api/v1/analyze': 'corpus',
  '/api/v1/analysis': 'corpus',
  '/api/v1/rhetorical_analysis': 'corpus',
  '/api/v1/audit/policy-decisions': 'corpus',
  '/api/v1/remix': 'corpus',
  '/api/v1/corpus': 'corpus',
  '/mcp': 'mcp',
};

const offered = [...publicOperations, ...protocolOperations];

test.each(offered.filter(({ http }) => http))('$name is of the brick of its route, or of none', ({ http, brick }) => {
  const found = Object.entries(ROUTES).find(([root]) => `${http?.path}/`.startsWith(`${root}/`));
  expect(brick).toBe(found?.[1]);
});

test('an operation without a route is of the brick of those that are called like it', () => {
  const nouns = new Map(offered.filter(({ http }) => http).map(({ name, brick }) => [name.split('.')[0], brick]));
  for (const { name, brick } of offered.filter(({ http }) => !http)) {
    const noun = name.split('.')[0];
    if (nouns.has(noun)) expect([name, brick]).toEqual([name, nouns.get(noun)]);
  }
  const own = protocolOperations.map(({ name, brick }) => [name.split('.')[0], brick].join(' '));
  expect([...new Set(own)].sort()).toEqual(['conflict sync', 'document corpus', 'upload uploads']);
});

test('a brick is there with the first operation that is part of it, and in the order of the contract', () => {
  const order =
    'console backups webhooks ipc sandboxes corpus workflows mcp search scheduler agents uploads sync mount ' +
    'event_log filesystem auth rebac kernel';
  expect(brickRows.map(([name]) => name).join(' ')).toBe(order);
  expect(brickRows.filter(([, { essential }]) => essential).map(([name]) => name)).toEqual(
    'event_log filesystem auth rebac kernel'.split(' '),
  );
  for (const [name, { essential }] of brickRows) {
    const declared = allOperations.some(({ brick }) => brick === name);
    expect([name, presentBricks().has(name)]).toEqual([name, essential === true || declared]);
  }
  expect(BRICKS.sync.requires).toEqual(['mount']);
});

describe('a choice and the time', () => {
  const row = (more: Partial<BrickRow>): BrickRow => ({
    name: 'ipc',
    wanted: 0,
    held_until: 0,
    revision: 1,
    started_at: 0,
    stopped_at: null,
    ...more,
  });
  test.each([
    [undefined, 'active'],
    [row({ wanted: 1 }), 'active'],
    [row({ wanted: 1, held_until: 101 }), 'starting'],
    [row({ held_until: 101 }), 'stopping'],
    [row({ held_until: 100 }), 'unmounted'],
  ])('%j at 100 is %s', (choice, state) => expect(statusOf(choice, 100)).toBe(state));
});

interface Changed {
  readonly state: string;
  readonly changed: boolean;
  readonly task_id?: string;
}

async function until<T>(look: () => Promise<T | undefined | false>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

forEachEngine('bricks', (engine) => {
  let at: AgentServer;
  let viewer: string;
  const directory = mkdtempSync(join(tmpdir(), 'nexus-bricks-'));
  beforeAll(async () => {
    const environment = { NEXUS_EMBEDDED_WORKER: 'true', NEXUS_WORKER_POLL_SECONDS: '0.1' };
    at = await startAgentServer(engine, environment, directory);
    viewer = await at.server.addKey({ role: 'viewer' });
  });
  afterAll(async () => {
    await at.server.stop();
    rmSync(directory, { recursive: true });
  });

  const act = async (verb: string, name: string): Promise<Changed> => {
    const { status, body } = await at.ask('POST', `${ROOT}/${name}/${verb}`);
    if (status !== 200) throw new Error(`${verb} ${name}: ${JSON.stringify(body)}`);
    return body as unknown as Changed;
  };
  const list = async (): Promise<BrickList> => (await at.ask('GET', `${ROOT}/health`)).body as unknown as BrickList;
  const told = async (): Promise<unknown[]> => {
    const { body } = await at.ask('GET', '/api/v2/events?operation_type=brick.changed&limit=1000');
    return body.events as unknown[];
  };
  const reason = ({ status, body }: Answered): unknown => [status, body.error?.code, body.error?.data?.reason];
  /** An upload of which 100,000 bytes have been sent. */
  const half = async (size: number, path: string): Promise<Half> => {
    const { url } = at.server;
    const tus = tusOf({ url });
    const location = await tus.begin(size, { 'upload-metadata': `path ${base64(path)}` });
    return halfPatch(at.server, { url: url + location, size, first: Buffer.alloc(100_000, 'a') });
  };
  const waiting = () => at.server.sql.read((tx) => tx.all('SELECT blob_id FROM unindexed_blobs'));
  const grep = async (): Promise<string[]> =>
    (await at.server.ok('grep', { pattern: 'need[l]e' })).matches.map(({ path }) => path);

  test('are listed in their order, essential ones last, and any caller reads', async () => {
    const { bricks, total, active, failed } = await list();
    expect(bricks.map(({ name }) => name)).toEqual([...presentBricks()]);
    expect([total, active, failed]).toEqual([bricks.length, bricks.length, 0]);
    const one = await at.ask('GET', `${ROOT}/agents`, undefined, { key: viewer });
    expect(one.body).toEqual({
      name: 'agents',
      state: 'active',
      status: 'active',
      essential: false,
      requires: [],
      required_by: [],
      description: 'the registry of agents',
      error: null,
      started_at: expect.any(String),
      stopped_at: null,
      unmounted_at: null,
    });
    expect((await at.ask('GET', `${ROOT}/none`)).body.error?.code).toBe('BRICK_NOT_FOUND');
    expect((await at.ask('GET', `${ROOT}/health`, undefined, { key: 'no' })).status).toBe(401);
  });

  test('only an admin of zone root switches one, and never an essential one', async () => {
    await at.server.addZone('elsewhere');
    const admin = await at.server.addKey({ role: 'admin', zone_id: 'elsewhere' });
    for (const key of [viewer, admin]) {
      expect((await at.ask('POST', `${ROOT}/ipc/unmount`, undefined, { key })).status).toBe(403);
    }
    for (const verb of ['unmount', 'remount', 'reset']) {
      expect(reason(await at.ask('POST', `${ROOT}/rebac/${verb}`))).toEqual([409, 'CONFLICT', 'ESSENTIAL']);
    }
    expect(await act('mount', 'rebac')).toMatchObject({ state: 'active', changed: false });
    expect((await at.ask('POST', `${ROOT}/none/unmount`)).body.error?.code).toBe('BRICK_NOT_FOUND');
    expect(await told()).toEqual([]);
  });

  test('one change is one event, and what is so already is none', async () => {
    const before = (await told()).length;
    expect(await act('unmount', 'ipc')).toEqual({
      name: 'ipc',
      action: 'unmount',
      state: 'unmounted',
      status: 'unmounted',
      changed: true,
      error: null,
    });
    expect(await act('unmount', 'ipc')).toMatchObject({ state: 'unmounted', changed: false });
    const { bricks, active, total } = await list();
    expect(active).toBe(total - 1);
    const off = bricks.find(({ name }) => name === 'ipc')!;
    expect(off).toMatchObject({ stopped_at: expect.any(String), unmounted_at: expect.any(String) });
    expect(off.unmounted_at! >= off.stopped_at!).toBe(true);
    expect(await act('remount', 'ipc')).toMatchObject({ action: 'remount', state: 'active', changed: true });
    expect(await act('mount', 'ipc')).toMatchObject({ state: 'active', changed: false });
    expect(await act('remount', 'ipc')).toMatchObject({ state: 'active', changed: true });
    expect((await told()).slice(0, (await told()).length - before)).toMatchObject([
      { object: { type: 'brick', id: 'ipc' }, data: { action: 'remount', from: 'active', to: 'active' } },
      { data: { action: 'remount', from: 'unmounted', to: 'active' } },
      { data: { name: 'ipc', action: 'unmount', from: 'active', to: 'unmounted' }, path: '' },
    ]);
    const one = await at.ask('GET', `${ROOT}/ipc`);
    expect(one.body).toMatchObject({ state: 'active', unmounted_at: null });
  });

  test.each([...presentBricks()].filter((name) => offered.some(({ brick }) => brick === name)))(
    '%s: while it is off each of its calls is refused, after the credential and before all else',
    async (name) => {
      const own = offered.filter(({ brick }) => brick === name);
      const first = dependentsOf(name, presentBricks());
      for (const one of [...first, name]) await act('unmount', one);
      const wrong = { headers: { 'content-type': 'text/broken' }, key: viewer };
      for (const { http } of own) {
        if (!http) continue;
        const path = http.path.replace(/:\w+/g, 'some');
        const response = await at.server.http(path, {
          method: http.method,
          ...(http.method === 'GET' ? {} : { body: '{broken' }),
          headers: { ...wrong.headers, authorization: `Bearer ${viewer}` },
        });
        const body = (await response.json()) as Answered['body'];
        expect([http.path, response.status, response.headers.get('retry-after')]).toEqual([http.path, 503, '5']);
        expect(body).toMatchObject({ code: 'unavailable', error: { code: 'UNAVAILABLE', data: { brick: name } } });
        expect((await at.ask(http.method, path, undefined, { key: 'unknown' })).status).toBe(401);
      }
      for (const { rpc } of own) {
        if (!rpc) continue;
        const { status, error } = await at.server.rpc(rpc.name, {}, viewer);
        expect([rpc.name, status, error?.data]).toMatchObject([rpc.name, 503, { code: 'UNAVAILABLE', brick: name }]);
        const many = await at.ask('POST', '/api/nfs', [{ method: rpc.name }, { method: 'whoami' }]);
        expect(many.body).toMatchObject([{ error: { data: { brick: name } } }, { result: { zone_id: 'root' } }]);
      }
      const features = (await at.ask('GET', '/api/v2/features')).body;
      expect([features.disabled_bricks, (features.enabled_bricks as string[]).includes(name)]).toEqual([
        [...first, name],
        false,
      ]);
      expect((await at.ask('GET', '/health')).body.status).toBe('healthy');
      const { gauges } = (await at.ask('GET', '/metrics?format=json')).body;
      expect(gauges).toMatchObject({ 'bricks.off': 1 + first.length });
      for (const one of [name, ...first]) await act('mount', one);
      expect((await at.ask('GET', '/api/v2/features')).body.disabled_bricks).toEqual([]);
      for (const { http } of own.filter(({ http }) => http?.method === 'GET')) {
        const { status } = await at.ask('GET', http!.path.replace(/:\w+/g, 'some'));
        expect([http!.path, status]).not.toEqual([http!.path, 503]);
      }
    },
  );

  test('what runs ends first, and what comes meanwhile is refused', async () => {
    const size = 200_000;
    const { socket, closed } = await half(size, '/while-stopping');
    let answered = false;
    const stopping = act('unmount', 'uploads').finally(() => {
      answered = true;
    });
    await until(async () => (await list()).bricks.find(({ name }) => name === 'uploads')?.state === 'stopping');
    expect((await at.ask('GET', '/api/v2/uploads')).status).toBe(503);
    expect(answered).toBe(false);
    socket.end(Buffer.alloc(100_000, 'b'));
    expect(await stopping).toMatchObject({ state: 'unmounted', changed: true });
    await closed;
    expect((await at.server.ok('get_metadata', { path: '/while-stopping' })).size).toBe(size);
    await act('mount', 'uploads');
  });

  test('whoever mounts it while it stops wins', async () => {
    const size = 200_000;
    const { socket, closed } = await half(size, '/never-ended');
    const stopping = act('unmount', 'uploads');
    await until(async () => (await list()).bricks.find(({ name }) => name === 'uploads')?.state === 'stopping');
    expect(await act('mount', 'uploads')).toMatchObject({ state: 'active', changed: true });
    expect((await at.ask('GET', '/api/v2/uploads')).status).toBe(200);
    socket.destroy();
    await closed;
    expect(await stopping).toMatchObject({ state: 'active' });
    expect((await list()).active).toBe((await list()).total);
  });

  test('who waits for a task is answered when the scheduler goes', async () => {
    const claiming = at.ask('POST', '/api/v2/scheduler/claim', { executor: 'x', wait_seconds: 60 });
    const { body } = await at.ask('POST', '/api/v2/scheduler/submit', { executor: 'y', task_type: 't' });
    const getting = at.ask('GET', `/api/v2/scheduler/task/${String(body.id)}?wait_seconds=60`);
    await until(async () => at.server.running.server.streams.size === 2);
    await act('unmount', 'scheduler');
    expect(await claiming).toMatchObject({ status: 200, body: { tasks: [] } });
    expect(await getting).toMatchObject({ status: 200, body: { status: 'queued' } });
    await act('mount', 'scheduler');
  });

  test('without the scheduler cron rests and jobs run on; then missed instants are caught up', async () => {
    const { body: schedule } = await at.ask('POST', '/api/v2/scheduler/schedules', {
      name: 'often',
      cron: '* * * * * *',
      executor: 'nobody',
      task_type: 't',
      catch_up: 'last',
    });
    const fired = async (): Promise<number> => {
      const rows = await at.server.sql.read((tx) =>
        tx.all('SELECT job_id FROM jobs WHERE schedule_id = ?', [String(schedule.id)]),
      );
      return rows.length;
    };
    await until(async () => (await fired()) > 0);
    await act('unmount', 'scheduler');
    const before = await fired();
    const job = await at.ask('POST', '/api/v1/jobs/submit', {
      job_type: 'echo',
      payload: { value: 1, delay_ms: 1_200 },
    });
    await until(async () => {
      const { body } = await at.ask('GET', `/api/v1/jobs/${String(job.body.job_id)}`);
      return (body as unknown as JobObject).status === 'succeeded';
    });
    expect(await fired()).toBe(before);
    await act('mount', 'scheduler');
    await until(async () => (await fired()) > before);
    await at.ask('DELETE', `/api/v2/scheduler/schedules/${String(schedule.id)}`);
  });

  test('without the index searches answer the same, and new contents wait for it', async () => {
    const text = (n: number): string => `${'x'.repeat(2_000)} needle ${n}\n`;
    for (let n = 0; n < 8; n++)
      await at.server.ok('write', { path: `/s/${n}`, content: n === 5 ? text(n) : `other ${n}` });
    expect(await grep()).toEqual(['/s/5']);
    await until(async () => (await waiting()).length === 0);
    await act('unmount', 'search');
    await at.server.ok('write', { path: '/s/new', content: text(9) });
    expect(await grep()).toEqual(['/s/5', '/s/new']);
    expect((await at.server.ok('glob', { pattern: '/s/*' })).matches).toHaveLength(9);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(await waiting()).toHaveLength(1);
    await act('mount', 'search');
    await until(async () => (await waiting()).length === 0);
    expect(await grep()).toEqual(['/s/5', '/s/new']);
  });

  test('a reset drops the index, and its job makes it again', async () => {
    const { task_id, state, changed } = await act('reset', 'search');
    expect([state, changed]).toEqual(['active', true]);
    expect(await grep()).toEqual(['/s/5', '/s/new']);
    expect((await at.ask('GET', `/api/v1/jobs/${task_id}`)).body).toMatchObject({ job_type: 'search_index' });
    await until(async () => (await waiting()).length === 0);
    expect(await grep()).toEqual(['/s/5', '/s/new']);
    expect((await act('reset', 'agents')).task_id).toBeUndefined();
  });

  test('a job of the server for it that fails is told, and a reset is the way out', async () => {
    const own = "FROM jobs WHERE door = 'house' AND type = 'search_index'";
    const under = () => at.server.sql.read((tx) => tx.all(`SELECT job_id ${own} AND ended_at IS NULL`));
    await until(async () => (await under()).length === 0);
    await at.server.sql.write('root', (tx) =>
      tx.run(`UPDATE jobs SET status = 'failed', error = 'a disk that is broken', ended_at = ended_at + 3600000
        WHERE job_id = (SELECT job_id ${own} ORDER BY created_at DESC, job_id DESC LIMIT 1)`),
    );
    const { bricks, failed, active, total } = await list();
    expect([failed, active]).toEqual([1, total - 1]);
    const search = bricks.find(({ name }) => name === 'search')!;
    expect(search).toMatchObject({ state: 'failed', status: 'failed', started_at: expect.any(String) });
    expect(search.error).toMatch(/^its job search_index failed: [0-9a-f-]{36}$/);
    expect((await at.ask('GET', `${ROOT}/search`)).body).toEqual(search);
    expect(await act('mount', 'search')).toMatchObject({ state: 'failed', changed: false, error: search.error });
    // What it is for goes on meanwhile.
    expect(await grep()).toEqual(['/s/5', '/s/new']);
    await at.server.sql.write('root', (tx) =>
      tx.run("UPDATE jobs SET ended_at = ended_at - 3600000 WHERE door = 'house' AND status = 'failed'"),
    );
    expect(await act('reset', 'search')).toMatchObject({ state: 'active', changed: true, error: null });
    expect((await list()).failed).toBe(0);
    await until(async () => (await waiting()).length === 0);
  });

  test('a choice survives the server', async () => {
    await act('unmount', 'agents');
    await at.server.stop();
    const again = await startTestServer({ engine, directory });
    expect((await again.http('/api/v2/agents')).status).toBe(503);
    at = { ...at, server: again };
  });
});
