/** Schedules that cannot fire, on a whole server: they keep no other zone waiting, lose nothing, and are told of without stacks. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { forEachEngine, startTestServer, type TestServer } from '../../../test/harness.ts';
import type { LogFields } from '../../base/log.ts';

/** More than are fired in a look. */
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
