/**
 * Schedules fire: each instant once, on however many nodes, after a time away, while the task before is not done, and
 * when the clock jumps. The clock is the test's.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Bare, openBare } from '../../../test/bare.ts';
import { forEachEngine, startTestServer } from '../../../test/harness.ts';
import { freshDatabase } from '../../../test/servers/shared-postgres.ts';
import { dueSchedules, fireSchedule } from './schedule-steps.operations.ts';
import type { TaskObject } from './task-object.ts';

const MINUTE = 60_000;
const LINE = { name: 's', cron: '*/10 * * * *', executor: 'outside', task_type: 't' };

interface Schedule {
  readonly id: string;
  readonly next_run_at: string;
  readonly last_run_at: string | null;
  readonly last_task_id: string | null;
  readonly skipped_total: number;
}

forEachEngine('what is due', (engine) => {
  let bare: Bare;
  beforeAll(async () => {
    bare = await openBare(engine);
    for (const zone_id of ['crowd', 'small', 'locked']) await bare.call('zone_create', { zone_id, name: 'Z' });
    for (let i = 0; i < 4; i++) await add(`crowd-${i}`, 'crowd', i);
    await add('small-0', 'small', 10);
    await add('small-1', 'small', 11);
    await add('locked-0', 'locked', 1);
  });
  afterAll(() => bare.close());

  const add = (schedule_id: string, zone_id: string, next_run_at: number): Promise<unknown> =>
    bare.sql.write(zone_id, (tx) =>
      tx.run(
        `INSERT INTO schedules (schedule_id, zone_id, name, cron, timezone, executor, type, payload, tier, max_attempts, backoff,
             enabled, catch_up, overlap, next_run_at, skipped_total, owner, user_id, agent_id, created_at, updated_at)
           VALUES (?, ?, 's', '@yearly', 'UTC', 'x', 't', '{}', 2, 3, '[2]', 1, 'last', 'allow', ?, 0, 'user:u', 'u', '', 1, 1)`,
        [schedule_id, zone_id, next_run_at],
      ),
    );
  const due = async (limit: number, without?: { zones: string[]; schedules: string[] }): Promise<string[]> =>
    (await bare.step(dueSchedules, 'root', { limit, without })).due.map(({ schedule_id }) => schedule_id);

  test('comes by turns of the zones, the earliest of each first', async () => {
    expect(await due(100)).toEqual(['crowd-0', 'locked-0', 'small-0', 'crowd-1', 'small-1', 'crowd-2', 'crowd-3']);
    expect(await due(3)).toEqual(['crowd-0', 'locked-0', 'small-0']);
  });

  test('leaves out the zones and the schedules that are to be left alone', async () => {
    const without = { zones: ['locked'], schedules: ['crowd-0', 'crowd-1', 'small-0'] };
    expect(await due(100, without)).toEqual(['crowd-2', 'small-1', 'crowd-3']);
  });
});

describe('under a clock', () => {
  let bare: Bare;
  beforeAll(async () => {
    bare = await openBare();
  });
  afterAll(() => bare.close());

  const pass = (ms: number): void => bare.clock.set(bare.clock.now() + ms);
  const create = (more: object = {}): Promise<Schedule> => bare.call('schedule.create', { ...LINE, ...more });
  const get = (id: string): Promise<Schedule> => bare.call('schedule.get', { id });
  /** What nodes do: look, then fire. `nodes` of them at once. */
  const fire = async (nodes = 1): Promise<void> => {
    const one = async (): Promise<void> => {
      const look = await bare.step(dueSchedules, 'root', { limit: 100 });
      for (const { schedule_id, zone_id } of look.due) {
        await bare.step(fireSchedule, zone_id, { schedule_id });
      }
    };
    await Promise.all(Array.from({ length: nodes }, one));
  };
  const tasksOf = async (schedule_id: string): Promise<TaskObject[]> => {
    const { tasks } = await bare.call<{ tasks: TaskObject[] }>('task.list', { schedule_id, limit: 1000 });
    return tasks.toReversed();
  };
  const instantsOf = async (id: string): Promise<string[]> =>
    (await tasksOf(id)).map(({ idempotency_key }) => {
      const instant = Number(idempotency_key?.split(' ').at(-1));
      return new Date(instant).toISOString().slice(11, 16);
    });

  test('each instant queues one task, however many nodes look', async () => {
    const { id, next_run_at } = await create();
    expect(next_run_at).toBe('2030-01-01T00:10:00.000Z');
    await fire(4);
    expect(await tasksOf(id)).toEqual([]);
    for (let i = 0; i < 3; i++) {
      pass(10 * MINUTE);
      await fire(4);
    }
    expect(await instantsOf(id)).toEqual(['00:10', '00:20', '00:30']);
    const last = (await tasksOf(id)).at(-1)!;
    expect(await get(id)).toMatchObject({
      next_run_at: '2030-01-01T00:40:00.000Z',
      last_run_at: '2030-01-01T00:30:00.000Z',
      last_task_id: last.id,
    });
    expect(last).toMatchObject({ schedule_id: id, status: 'queued', priority: 'normal', user_id: 'system' });
    await bare.call('schedule.delete', { id });
    pass(20 * MINUTE);
    await fire();
    await expect(get(id)).rejects.toThrow('Schedule not found');
  });

  test.each([
    ['last', 1, ['02:00']],
    ['none', 2, []],
    ['all', 3, ['01:10', '01:20', '01:30', '01:40', '01:50', '02:00']],
  ] as const)('after a time away, catch_up %s', async (catch_up, day, wanted) => {
    const at = (hour: number, minute: number): void => bare.clock.set(Date.UTC(2031, 0, day, hour, minute));
    at(1, 3);
    const { id } = await create({ catch_up });
    at(2, 3);
    await fire(2);
    expect(await instantsOf(id)).toEqual(wanted);
    at(2, 10);
    await fire(2);
    expect(await instantsOf(id)).toEqual([...wanted, '02:10']);
    await bare.call('schedule.delete', { id });
  });

  test('a zone that is full has its instants as it has room, none twice', async () => {
    await bare.call('zone_create', { zone_id: 'full', name: 'F', limits: { max_jobs_queued: 2 } });
    bare.clock.set(Date.UTC(2031, 5, 1, 1, 3));
    const { id } = await create({ zone_id: 'full', catch_up: 'all' });
    pass(50 * MINUTE);
    const zone_id = 'full';
    const fireFull = () => bare.step(fireSchedule, zone_id, { schedule_id: id });
    const instants: string[] = [];
    for (const room of [2, 2, 1]) {
      expect(await fireFull()).toEqual({ tasks: room, skipped: 0 });
      if (room === 2) await expect(fireFull()).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' });
      const { tasks } = await bare.call<{ tasks: TaskObject[] }>('task.list', { zone_id, status: 'queued' });
      for (const task of tasks.toReversed()) {
        instants.push(new Date(Number(task.idempotency_key?.split(' ').at(-1))).toISOString().slice(11, 16));
        await bare.call('task.cancel', { id: task.id, zone_id });
      }
    }
    expect(instants).toEqual(['01:10', '01:20', '01:30', '01:40', '01:50']);
    expect(await fireFull()).toEqual({ tasks: 0, skipped: 0 });
    await bare.call('schedule.delete', { id, zone_id });
  });

  test('a clock that is set back fires nothing twice', async () => {
    bare.clock.set(Date.UTC(2032, 0, 1, 3, 5));
    const { id } = await create();
    pass(5 * MINUTE);
    await fire();
    bare.clock.set(Date.UTC(2032, 0, 1, 3, 1));
    await fire();
    pass(9 * MINUTE);
    await fire();
    expect(await instantsOf(id)).toEqual(['03:10']);
    pass(10 * MINUTE);
    await fire();
    expect(await instantsOf(id)).toEqual(['03:10', '03:20']);
    await bare.call('schedule.delete', { id });
  });

  test('overlap skip passes over instants and counts them', async () => {
    bare.clock.set(Date.UTC(2032, 0, 1, 4, 5));
    const { id } = await create({ overlap: 'skip' });
    for (let i = 0; i < 3; i++) {
      pass(10 * MINUTE);
      await fire();
    }
    expect(await instantsOf(id)).toEqual(['04:10']);
    expect((await get(id)).skipped_total).toBe(2);
    await bare.call('task.cancel', { id: (await tasksOf(id))[0]!.id });
    pass(10 * MINUTE);
    await fire();
    expect(await instantsOf(id)).toEqual(['04:10', '04:40']);
    await bare.call('schedule.delete', { id });
  });

  test('overlap queue starts each task after the one before it', async () => {
    bare.clock.set(Date.UTC(2032, 0, 1, 5, 5));
    const { id } = await create({ overlap: 'queue', executor: 'queued' });
    for (let i = 0; i < 4; i++) {
      pass(10 * MINUTE);
      await fire();
    }
    const tasks = await tasksOf(id);
    expect(tasks.map(({ status }) => status)).toEqual(['queued', 'queued', 'queued', 'queued']);
    const claim = async (): Promise<string[]> => {
      const { tasks: claimed } = await bare.call<{ tasks: TaskObject[] }>('task.claim', {
        executor: 'queued',
        max: 10,
      });
      return claimed.map((task) => task.id);
    };
    const [first, second, third, fourth] = tasks.map((task) => task.id);
    expect(await claim()).toEqual([first]);
    expect(await claim()).toEqual([]);
    // One that waits may go; the one that runs goes on alone.
    await bare.call('task.cancel', { id: second });
    expect(await claim()).toEqual([]);
    await bare.call('task.complete', { id: first, fencing_token: 1 });
    expect(await claim()).toEqual([third]);
    await bare.call('task.fail', { id: third, fencing_token: 1, error: 'no', retryable: false });
    expect(await claim()).toEqual([fourth]);
    await bare.call('schedule.delete', { id });
  });

  test('one that is switched off rests, and goes on from then when it is on again', async () => {
    bare.clock.set(Date.UTC(2032, 0, 1, 6, 5));
    const { id } = await create({ catch_up: 'all' });
    await bare.call('schedule.update', { id, enabled: false });
    expect((await get(id)).next_run_at).toBeNull();
    pass(30 * MINUTE);
    await fire();
    expect(await tasksOf(id)).toEqual([]);
    await bare.call('schedule.update', { id, enabled: true });
    expect((await get(id)).next_run_at).toBe('2032-01-01T06:40:00.000Z');
    pass(5 * MINUTE);
    await fire();
    expect(await instantsOf(id)).toEqual(['06:40']);
    const { id: now } = await bare.call<TaskObject>('schedule.run', { id });
    expect((await get(id)).last_task_id).toBe(now);
    await bare.call('schedule.delete', { id });
  });

  test('changes are told once each, and an update that changes nothing is none', async () => {
    const { id } = await create();
    await bare.call('schedule.update', { id, name: 'renamed' });
    const off = await bare.call<Schedule>('schedule.update', { id, name: 'renamed', enabled: false });
    pass(30 * MINUTE);
    for (const same of [{}, { enabled: false }, { name: 'renamed', cron: LINE.cron }]) {
      expect(await bare.call('schedule.update', { id, ...same })).toEqual(off);
    }
    await bare.call('schedule.delete', { id });
    const events = await bare.sql.read((tx) =>
      tx.all<{ type: string }>('SELECT type FROM events WHERE object_id = ? ORDER BY seq', [id]),
    );
    expect(events.map(({ type }) => type)).toEqual([
      'schedule.created',
      'schedule.updated',
      'schedule.updated',
      'schedule.deleted',
    ]);
  });

  test('a zone has no more schedules than the limit', async () => {
    await bare.call('zone_create', { zone_id: 'many', name: 'M' });
    const made = bare.sql.write('many', async (tx) => {
      for (let i = 0; i < 1_000; i++) {
        await tx.run(
          `INSERT INTO schedules (schedule_id, zone_id, name, cron, timezone, executor, type, payload, tier, max_attempts, backoff,
             enabled, catch_up, overlap, skipped_total, owner, user_id, agent_id, created_at, updated_at)
           VALUES (?, 'many', 's', '@yearly', 'UTC', 'x', 't', '{}', 2, 3, '[2]', 1, 'last', 'allow', 0, 'user:u', 'u', '', 1, 1)`,
          [`many-${i}`],
        );
      }
    });
    await made;
    await expect(create({ zone_id: 'many' })).rejects.toMatchObject({ code: 'TOO_MANY', data: { maximum: 1000 } });
  });
});

test('two nodes on one database fire each second once', { timeout: 60_000 }, async () => {
  const database = await freshDatabase();
  const environment = { NEXUS_DATABASE_URL: database.url };
  const nodes = await Promise.all([startTestServer({ environment }), startTestServer({ environment })]);
  try {
    const [node] = nodes;
    const post = async (path: string, body: object) => {
      const headers = { 'content-type': 'application/json' };
      return (await node!.http(path, { method: 'POST', headers, body: JSON.stringify(body) })).json();
    };
    const every = { name: 'every', cron: '* * * * * *', executor: 'nexus', task_type: 'echo', payload: { value: 1 } };
    const { id } = (await post('/api/v2/scheduler/schedules', every)) as { id: string };
    const tasks = async (): Promise<TaskObject[]> => {
      const answer = await node!.http(`/api/v2/scheduler/tasks?schedule_id=${id}&limit=1000`);
      return ((await answer.json()) as { tasks: TaskObject[] }).tasks;
    };
    while ((await tasks()).length < 4) await new Promise((resolve) => setTimeout(resolve, 100));
    await node!.http(`/api/v2/scheduler/schedules/${id}`, { method: 'DELETE' });
    const all = await tasks();
    const keys = all.map(({ idempotency_key }) => idempotency_key);
    expect(new Set(keys).size).toBe(keys.length);
    const instants = keys.map((key) => Number(key?.split(' ').at(-1))).sort((a, b) => a - b);
    expect(instants).toEqual(instants.map((_, i) => instants[0]! + i * 1_000));
  } finally {
    await Promise.all(nodes.map((one) => one.stop()));
    await database.drop();
  }
});
