/** What is asked ahead: only where it saves a round trip, as the transaction sees it, and once where a job changes it. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { forEachEngine, startTestServer, type TestServer } from '../../../test/harness.ts';
import type { Call } from '../../core/operation.ts';
import type { Tx } from '../../ports/sql.ts';
import { lockZone } from '../zones/zones.sql.ts';
import { askForJob, takeAhead, whatIsThere } from './ahead.ts';
import { queueTime } from './clock.sql.ts';
import { readCounts } from './jobs.sql.ts';
import { Tally } from './tally.ts';

forEachEngine('looking ahead', (engine) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ engine, environment: { NEXUS_EMBEDDED_WORKER: 'false' } });
  });
  afterAll(() => server.stop());

  const offer = { worker_id: 'w', leaseMs: 1_000, without: [] };
  // The embedded engine writes in a thread of its own, and asks nothing ahead there either.
  const within = <T>(work: (tx: Tx) => Promise<T>): Promise<T> => {
    const { sql } = server.running.server;
    return engine === 'sqlite' ? sql.read(work) : sql.write('root', work);
  };
  const look = (given: typeof offer | undefined) =>
    within(async (tx) => {
      const before = tx.statements;
      askForJob(tx, given, { zone_id: 'root' });
      const statements = tx.statements - before;
      const { counts, due } = takeAhead(tx);
      const again = takeAhead(tx);
      return { statements, counts: await counts, due: await due, again, now: await readCounts(tx, 'root') };
    });

  test('counts and due jobs are found once, as they are', async () => {
    if (engine === 'sqlite') {
      const { statements, counts, due } = await look(offer);
      expect([statements, counts, due]).toEqual([0, undefined, undefined]);
      return;
    }
    const submit = JSON.stringify({ executor: 'nexus', task_type: 'echo', payload: { value: 1 } });
    const { status } = await server.http('/api/v2/scheduler/submit', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: submit,
    });
    expect(status).toBe(201);
    // A connection asks ahead once the server has told it the time.
    await expect.poll(async () => (await look(offer)).statements).toBe(2);
    await expect.poll(async () => (await look(undefined)).statements).toBe(1);
    let found = await look(offer);
    while (found.statements === 0) found = await look(offer);
    const due = [{ zone_id: 'root', n: 1 }];
    expect(found).toMatchObject({ due, counts: { batch: 1 } });
    expect([found.again.counts, found.again.due]).toEqual([undefined, undefined]);
    expect(found.counts).toEqual(found.now);
  });

  /** What a call of the zone finds that queues a job under an offer, and what each of its runs supposed. */
  const queueing = async (TASKS_QUEUED: number) => {
    const runs: boolean[] = [];
    const { limits, sql } = server.running.server;
    const found = await sql.write('root', async (tx) => {
      const zone = await lockZone(tx, 'root');
      runs.push(tx.supposing);
      const tally = new Tally({ tx, zone, limits: { ...limits, TASKS_QUEUED } } as Call);
      const now = await queueTime({ tx, now: 0 });
      const there = await whatIsThere(tx, tally, { door: 'scheduler', offer, now });
      const full = there.room && fails(there.room);
      return { isFirst: there.isFirst, full };
    });
    return { ...found, runs };
  };
  const fails = ({ check }: { check(): void }): boolean => {
    try {
      check();
      return false;
    } catch {
      return true;
    }
  };
  const ROOMY = 1_000;

  test('a call that supposes takes nothing before a job that is due, and queues none where there is no room', async () => {
    // The embedded engine knows what is there, and supposes nothing.
    if (engine === 'sqlite') return;
    const post = (path: string, body: object) =>
      server.http(`/api/v2/scheduler${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    const supposes = (tasks: number) =>
      vi.waitUntil(
        async () => {
          // What a write leaves is what the next goes by, a while after a guess that was wrong.
          await post('/submit', { executor: 'other', task_type: 'any' });
          const found = await queueing(tasks);
          return found.runs[0] && found;
        },
        { timeout: 30_000, interval: 200 },
      );
    expect(await supposes(ROOMY)).toEqual({ isFirst: false, full: false, runs: [true, false] });
    const due = await server.http('/api/v2/scheduler/tasks?executor=nexus');
    for (const { id } of ((await due.json()) as { tasks: { id: string }[] }).tasks)
      await post(`/task/${id}/cancel`, {});
    expect(await supposes(ROOMY)).toEqual({ isFirst: true, full: undefined, runs: [true] });
    expect(await supposes(1)).toEqual({ isFirst: true, full: true, runs: [true, false] });
  });
});
