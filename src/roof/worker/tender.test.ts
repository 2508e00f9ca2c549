/**
 * Schedules on a whole server: those that cannot fire keep no other zone waiting, lose nothing, and are told of without stacks; of
 * many with the same instant all fire. Of many tasks with the same deadline none waits for the others.
 */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { forEachEngine, startTestServer, type TestServer } from '../../../test/harness.ts';
import type { LogFields } from '../../base/log.ts';

/** More than are fired at a time. */
const STUCK = 101;
const SLOW = { timeout: 40_000, interval: 100 };
const ROOT = '/api/v2/scheduler';

forEachEngine('schedules that cannot fire', (engine) => {
  const failures: LogFields[] = [];
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({
      engine,
      log: (_level, event, fields) => {
        if (event === 'schedule.failed') failures.push(fields);
      },
    });
    await server.addZone('full', { max_jobs_queued: 1 });
    await server.addZone('other');
  });
  afterAll(() => server.stop());

  const ask = async (zone: string, path: string, method = 'GET', body?: object): Promise<Record<string, unknown>> => {
    const headers = { 'content-type': 'application/json', 'x-nexus-zone-id': zone };
    const answer = await server.http(ROOT + path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
    return (await answer.json()) as Record<string, unknown>;
  };
  const every = { name: 's', cron: '* * * * * *', executor: 'outside', task_type: 't' };
  const create = (zone: string) => ask(zone, '/schedules', 'POST', every);
  const fired = (zone: string, { id }: Record<string, unknown>) =>
    vi.waitFor(async () => expect((await ask(zone, `/schedules/${id}`)).last_run_at).not.toBeNull(), SLOW);

  test('keep no other zone waiting, and fire when they can again', { timeout: 120_000 }, async () => {
    const task = await ask('full', '/submit', 'POST', { executor: 'outside', task_type: 't', payload: {} });
    const [stuck] = await Promise.all(Array.from({ length: STUCK }, () => create('full')));
    await vi.waitFor(() => expect(failures).not.toEqual([]), SLOW);
    await fired('other', await create('other'));
    expect(failures[0]).toEqual({
      zone: 'full',
      schedule_id: expect.any(String),
      code: 'QUOTA_EXCEEDED',
      err: expect.stringMatching(/^Zone full: max_jobs_queued is 1, .*limit\.$/),
    });
    expect((await ask('full', `/schedules/${stuck!.id}`)).last_run_at).toBeNull();
    await ask('full', `/task/${task.id}/cancel`, 'POST', {});
    await vi.waitFor(async () => {
      const { schedules } = await ask('full', '/schedules?limit=1000');
      expect((schedules as { last_run_at: string | null }[]).some(({ last_run_at }) => last_run_at !== null)).toBe(
        true,
      );
    }, SLOW);
  });
});

/** More than a look gives. */
const MANY = 1_200;
const COLUMNS =
  'schedule_id, zone_id, name, cron, timezone, executor, type, payload, tier, max_attempts, backoff, enabled, catch_up, overlap, next_run_at, skipped_total, owner, user_id, agent_id, created_at, updated_at';

forEachEngine('many of one instant', (engine) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ engine });
    for (const zone of ['many', 'some']) await server.addZone(zone);
  });
  afterAll(() => server.stop());
  const count = async (where: string): Promise<number> => {
    const row = await server.sql.read((tx) => tx.get<{ n: number }>(`SELECT COUNT(*) AS n FROM jobs WHERE ${where}`));
    return Number(row?.n);
  };
  const write = (zone: string, sql: string, lists: readonly (readonly (string | number)[])[]) =>
    server.sql.write(zone, async (tx) => {
      for (const values of lists) await tx.run(sql, values);
    });

  test('schedules: all of them fire', { timeout: 60_000 }, async () => {
    const late = Date.now() + 86_400_000;
    for (const [zone, n] of [
      ['many', MANY],
      ['some', 100],
    ] as const) {
      const rest =
        "'s', '@yearly', 'UTC', 'x', 't', '{}', 2, 3, '[2]', 1, 'last', 'allow', ?, 0, 'user:u', 'u', '', 1, 1";
      const rows = Array.from({ length: n }, (_, i) => [`${zone}-${i}`, zone, late]);
      await write(zone, `INSERT INTO schedules (${COLUMNS}) VALUES (?, ?, ${rest})`, rows);
    }
    // Once they are there, however long that took, and of that instant only, so that one is made up for that comes late.
    const at = new Date(Math.ceil(Date.now() / 1000) * 1000 + 1_000);
    const day = [at.getUTCHours(), at.getUTCDate(), at.getUTCMonth() + 1, '*'];
    const cron = [at.getUTCSeconds(), at.getUTCMinutes(), ...day].join(' ');
    for (const zone of ['many', 'some'])
      await write(zone, 'UPDATE schedules SET next_run_at = ?, cron = ? WHERE zone_id = ?', [
        [at.getTime(), cron, zone],
      ]);
    await vi.waitFor(async () => expect(await count('schedule_id IS NOT NULL')).toBe(MANY + 100), SLOW);
  });

  test('deadlines: all have failed within two looks', { timeout: 60_000 }, async () => {
    const deadline = new Date(Date.now() + 4_000).toISOString();
    const body = JSON.stringify({ executor: 'nobody', task_type: 't', payload: {}, deadline });
    const headers = { 'content-type': 'application/json', 'x-nexus-zone-id': 'some' };
    const send = () => server.http(`${ROOT}/submit`, { method: 'POST', headers, body });
    expect((await Promise.all(Array.from({ length: 300 }, send))).every(({ status }) => status === 201)).toBe(true);
    await vi.waitFor(async () => expect(await count("executor = 'nobody' AND status = 'failed'")).toBe(300), SLOW);
    const last = await server.sql.read((tx) =>
      tx.get<{ looks: number }>("SELECT COUNT(DISTINCT ended_at) AS looks FROM jobs WHERE executor = 'nobody'"),
    );
    expect(Number(last?.looks)).toBeLessThanOrEqual(2);
  });
});
