/** What is asked ahead: only where it saves a round trip, as the transaction sees it, and once where a job changes it. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { forEachEngine, startTestServer, type TestServer } from '../../../test/harness.ts';
import type { Tx } from '../../ports/sql.ts';
import { askForJob, takeAhead } from './ahead.ts';
import { readCounts } from './jobs.sql.ts';

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
});
