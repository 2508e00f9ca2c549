/** Ends of attempts that the database does not take: what becomes of them, and that they keep no other. */
import { expect, test, vi } from 'vitest';
import { forEachEngine, startTestServer, type TestServer } from '../../../test/harness.ts';
import { Fault } from '../../base/faults.ts';
import type { TaskObject } from '../../features/jobs/task-object.ts';
import { Ends } from './ends.ts';
import type { Ended } from './runs.ts';

const ended = (job_id: string): Ended =>
  ({ job: { job_id }, outcome: { kind: 'succeeded', result: '1' }, settled: () => undefined }) as unknown as Ended;
const failure = { kind: 'failed', error: 'was not taken', retryable: true } as const;
const idsOf = (ends: readonly Ended[]): string[] => ends.map(({ job }) => job.job_id);

test('are told together, and again after what may pass', () => {
  const ends = new Ends(() => failure);
  ends.add('z', [ended('a'), ended('b')]);
  const telling = ends.take('z');
  expect([idsOf(telling.ends), telling.alone, ends.size]).toEqual([['a', 'b'], false, 0]);
  ends.add('z', [ended('c')]);
  expect(ends.refused('z', telling, new Fault('UNAVAILABLE', 'The database is out of reach'))).toEqual([]);
  const again = ends.take('z');
  expect([idsOf(again.ends), again.alone]).toEqual([['a', 'b', 'c'], false]);
});

test('are told one at a time after a defect, until none waits', () => {
  const ends = new Ends(() => failure);
  ends.add('z', [ended('a'), ended('b')]);
  ends.refused('z', ends.take('z'), new Error('constraint'));
  expect([ends.take('z'), ends.take('z')].map((one) => [idsOf(one.ends), one.alone])).toEqual([
    [['a'], true],
    [['b'], true],
  ]);
  expect(ends.take('z')).toEqual({ ends: [], alone: false });
  ends.add('z', [ended('c'), ended('d')]);
  expect(ends.take('z')).toMatchObject({ alone: false, ends: [{}, {}] });
});

test('one that is refused alone is told as failed, and then no more', () => {
  const failureOf = vi.fn(() => failure);
  const ends = new Ends(failureOf);
  const defect = new Fault('INVALID_PARAMS', 'A text holds the character U+0000.');
  ends.add('z', [ended('a'), ended('b')]);
  ends.refused('z', ends.take('z'), defect);
  const alone = ends.take('z');
  expect(ends.refused('z', alone, new Fault('UNAVAILABLE', 'busy'))).toEqual([]);
  expect(ends.take('z').ends).toEqual(alone.ends);
  expect(ends.refused('z', alone, defect)).toEqual([]);
  const asFailed = ends.take('z');
  expect(asFailed).toMatchObject({ alone: true, ends: [{ job: { job_id: 'a' }, outcome: failure }] });
  expect(idsOf(ends.refused('z', asFailed, defect))).toEqual(['a']);
  expect([idsOf(ends.take('z').ends), ends.size]).toEqual([['b'], 0]);
  expect(failureOf).toHaveBeenCalledExactlyOnceWith(alone.ends[0], defect);
});

test('a claim that fails with nothing to tell is no reason to tell apart', () => {
  const ends = new Ends(() => failure);
  ends.refused('z', ends.take('z'), new Error('defect'));
  ends.add('z', [ended('a'), ended('b')]);
  expect(ends.take('z')).toMatchObject({ alone: false });
});

/** Refuses the rows of jobs of which this is so. */
async function refuse({ sql }: TestServer, engine: string, rows: string): Promise<void> {
  const statements =
    engine === 'sqlite'
      ? [`CREATE TRIGGER refuse BEFORE UPDATE ON jobs WHEN ${rows} BEGIN SELECT RAISE(ABORT, 'refused'); END`]
      : [
          `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused'; END $$`,
          `CREATE TRIGGER refuse BEFORE UPDATE ON jobs FOR EACH ROW WHEN (${rows}) EXECUTE FUNCTION refuse()`,
        ];
  await sql.write('root', async (tx) => {
    for (const statement of statements) await tx.run(statement);
  });
}

forEachEngine('a database that does not take the end of an attempt', (engine) => {
  test.each([
    ['takes it as failed, where it takes that', `NEW.result LIKE '%bad%'`, 'failed'],
    [
      'leaves it to its lease, where it takes nothing',
      `OLD.payload LIKE '%bad%' AND NEW.status <> 'running'`,
      'running',
    ],
  ])('%s; all others end', async (_what, rows, status) => {
    const told: { event: string; fields: object }[] = [];
    const server = await startTestServer({
      engine,
      environment: { NEXUS_EMBEDDED_WORKER: 'true', NEXUS_WORKER_POLL_SECONDS: '0.1' },
      log: (_level, event, fields) => told.push({ event, fields }),
    });
    try {
      await refuse(server, engine, rows);
      const submit = async (value: string): Promise<string> => {
        const body = JSON.stringify({ executor: 'nexus', task_type: 'echo', payload: { value }, max_attempts: 1 });
        const headers = { 'content-type': 'application/json' };
        const sent = await server.http('/api/v2/scheduler/submit', { method: 'POST', headers, body });
        return ((await sent.json()) as TaskObject).id;
      };
      const jobs = await Promise.all(['a', 'b', 'bad', 'c', 'd', 'e', 'f', 'g'].map(submit));
      const bad = jobs.splice(2, 1)[0]!;
      const task = async (id: string): Promise<TaskObject> =>
        (await (await server.http(`/api/v2/scheduler/task/${id}?wait_seconds=10`)).json()) as TaskObject;
      const others = await Promise.all(jobs.map(task));
      expect(others.map((one) => one.status)).toEqual(jobs.map(() => 'completed'));
      const isBlamed = () =>
        told.some(({ event, fields }) => event === 'internal.error' && 'job_id' in fields && fields.job_id === bad);
      await expect.poll(isBlamed, { timeout: 10_000 }).toBe(true);
      await expect
        .poll(async () => await (await server.http(`/api/v2/scheduler/task/${bad}`)).json(), { timeout: 10_000 })
        .toMatchObject({ status });
      expect((await task(await submit('after'))).status).toBe('completed');
    } finally {
      await server.stop();
    }
  });

  test('takes lost jobs back behind those that it does not take', async () => {
    const server = await startTestServer({ engine, environment: { NEXUS_WORKER_POLL_SECONDS: '0.1' } });
    const ask = async <T>(path: string, body: object): Promise<T> => {
      const headers = { 'content-type': 'application/json' };
      const init = { method: 'POST', headers, body: JSON.stringify(body) };
      return (await (await server.http(`/api/v2/scheduler${path}`, init)).json()) as T;
    };
    try {
      await refuse(server, engine, `OLD.payload LIKE '%bad%' AND NEW.status <> 'running'`);
      // More than are taken back at a time, and they are the first.
      const values = [...Array.from({ length: 30 }, (_, i) => `bad ${i}`), 'good 1', 'good 2'];
      for (const value of values) await ask('/submit', { executor: 'x', task_type: 't', payload: { value } });
      await ask('/claim', { executor: 'x', worker: 'w', max: 100, lease_seconds: 3600 });
      const lose = (values: string, until: number) =>
        server.sql.write('root', (tx) =>
          tx.run(`UPDATE jobs SET lease_until = ? WHERE payload LIKE '%${values}%'`, [until]),
        );
      await lose('good', 2);
      await lose('bad', 1);
      const back = async () => {
        const find = "SELECT COUNT(*) AS n FROM jobs WHERE status = 'retry_wait'";
        return Number((await server.sql.read((tx) => tx.get<{ n: number }>(find)))?.n);
      };
      await expect.poll(back, { timeout: 10_000 }).toBe(2);
    } finally {
      await server.stop();
    }
  });
});
