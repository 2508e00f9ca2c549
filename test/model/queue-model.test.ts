/**
 * Random sequences of submits, claims, heartbeats, ends, cancels and passing time agree with a queue that is a list: the
 * same tasks in the same order to the same holders, the same states, one event for each change of status, exact counts.
 * Time passes by moving what is stored into the past, so that it works with a database's own clock.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Fault } from '../../src/base/faults.ts';
import { findJob, type JobRow } from '../../src/features/jobs/jobs.sql.ts';
import type { TaskObject } from '../../src/features/jobs/task-object.ts';
import { failOverdue, findLate, recoverJob, workOnJobs } from '../../src/features/jobs/worker-steps.operations.ts';
import { type Bare, openBare } from '../bare.ts';
import { forEachEngine } from '../harness.ts';

const SECOND = 1_000;
/** The database's clock runs on while a sequence does; all times of the sequence are far coarser. */
const SLACK = 5 * SECOND;
const PRIORITIES = ['critical', 'high', 'normal', 'low', 'best_effort'] as const;
const EXECUTORS = ['a', 'b', 'nexus'] as const;
const LEASE = 100;
const STEPS_LEAST = 60;
const STEPS_MOST = 120;

interface Model {
  readonly id: string;
  readonly executor: string;
  readonly rank: number;
  readonly max: number;
  readonly deadline: number | null;
  readonly key: string | null;
  status: 'queued' | 'running' | 'retry_wait' | 'succeeded' | 'failed' | 'cancelled';
  run_at: number;
  attempt: number;
  lease: number | null;
  /** Who has the attempt in hand, or had the last one. */
  holder: 'caller' | 'worker' | null;
  readonly told: string[];
  readonly attempts: string[];
}

/** The whole queue, as plainly as it can be said. */
class NaiveQueue {
  readonly tasks: Model[] = [];

  due(executors: readonly string[], now: number): Model[] {
    const waiting = this.tasks.filter(
      ({ status, executor, run_at, deadline }) =>
        (status === 'queued' || status === 'retry_wait') &&
        executors.includes(executor) &&
        run_at <= now &&
        (deadline === null || deadline > now),
    );
    const place = (task: Model): number => task.run_at + 120_000 * task.rank;
    return waiting.sort((a, b) => place(a) - place(b) || (a.id < b.id ? -1 : 1));
  }

  become(task: Model, status: Model['status']): void {
    task.status = status;
    task.told.push(`job.${status}`);
    if (status !== 'running') task.lease = null;
  }

  claim(task: Model, lease: number, holder: Model['holder']): void {
    this.become(task, 'running');
    task.holder = holder;
    task.attempt++;
    task.lease = lease;
  }

  fail(task: Model, now: number, again: { retryable: boolean; after?: number }): void {
    task.attempts.push('failed');
    const retried = task.attempt < task.max && again.retryable;
    if (retried) task.run_at = now + (again.after ?? [10, 300][Math.min(task.attempt, 2) - 1]!) * SECOND;
    this.become(task, retried ? 'retry_wait' : 'failed');
  }

  pass(ms: number): void {
    for (const task of this.tasks) {
      task.run_at -= ms;
      if (task.lease !== null) task.lease -= ms;
    }
  }
}

type Action =
  | {
      do: 'submit';
      executor: number;
      priority: number;
      boost: number;
      delay: number;
      max: number;
      key: number;
      late: boolean;
    }
  | { do: 'claim'; executors: number; max: number }
  | { do: 'heartbeat' | 'complete' | 'cancel'; task: number; stale: boolean }
  | { do: 'fail'; task: number; stale: boolean; retryable: boolean; after: number }
  | { do: 'work'; claim: number; outcome: boolean }
  | { do: 'pass'; seconds: number }
  | { do: 'tend' };

const nat = (max: number) => fc.nat({ max });
const actions: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('submit' as const),
      executor: nat(2),
      priority: nat(4),
      boost: nat(2),
      delay: fc.constantFrom(0, 0, 0, 60, 600),
      max: fc.integer({ min: 1, max: 3 }),
      key: nat(12),
      late: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('claim' as const), executors: nat(2), max: fc.integer({ min: 1, max: 3 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('heartbeat' as const, 'complete' as const, 'complete' as const, 'cancel' as const),
      task: nat(30),
      stale: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('fail' as const),
      task: nat(30),
      stale: fc.boolean(),
      retryable: fc.boolean(),
      after: fc.constantFrom(0, 60),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('work' as const), claim: nat(2), outcome: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('pass' as const), seconds: fc.constantFrom(20, 60, 200, 900) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('tend' as const) }) },
);

forEachEngine('the queue and a list', (engine) => {
  let bare: Bare;
  let zones = 0;
  beforeAll(async () => {
    bare = await openBare(engine);
  });
  afterAll(() => bare.close());

  const now = (): number => (engine === 'sqlite' ? bare.clock.now() : Date.now());

  /** One sequence, in a zone of its own. */
  class Run {
    readonly zone_id = `queue-${++zones}`;
    readonly model = new NaiveQueue();

    async begin(): Promise<void> {
      await bare.call('zone_create', { zone_id: this.zone_id, name: 'Q' });
    }

    call<T>(name: string, params: object): Promise<T> {
      return bare.call<T>(name, { zone_id: this.zone_id, ...params });
    }

    /** The code of the fault, or the answer. */
    async tried<T>(name: string, params: object): Promise<T | string> {
      try {
        return await this.call<T>(name, params);
      } catch (thrown) {
        if (thrown instanceof Fault) return String(thrown.data.reason ?? thrown.code);
        throw thrown;
      }
    }

    async do(action: Action): Promise<void> {
      if (action.do === 'submit') return this.submit(action);
      if (action.do === 'claim') return this.claim(action);
      if (action.do === 'work') return this.work(action);
      if (action.do === 'pass') return this.pass(action.seconds * SECOND);
      if (action.do === 'tend') return this.tend();
      const task = this.model.tasks[action.task % Math.max(1, this.model.tasks.length)];
      if (!task) return;
      if (action.do === 'cancel') return this.cancel(task);
      return this.tell(task, action);
    }

    async submit(action: Extract<Action, { do: 'submit' }>): Promise<void> {
      const executor = EXECUTORS[action.executor]!;
      const key = action.key < 4 ? `k${action.key}` : null;
      const deadline = action.late ? now() + 500 * SECOND : null;
      const task = await this.call<TaskObject>('task.submit', {
        executor,
        task_type: executor === 'nexus' ? 'echo' : 't',
        payload: { value: 1 },
        priority: PRIORITIES[action.priority],
        boost: action.boost,
        delay_seconds: action.delay,
        max_attempts: action.max,
        backoff_seconds: [10, 300],
        ...(key ? { idempotency_key: `${executor} ${key}` } : {}),
        ...(deadline ? { deadline: new Date(deadline).toISOString() } : {}),
      });
      const first = key && this.model.tasks.find((one) => one.key === `${executor} ${key}`);
      if (first) {
        expect([task.id, task.deduplicated]).toEqual([first.id, true]);
        return;
      }
      expect(task.deduplicated).toBe(undefined);
      this.model.tasks.push({
        id: task.id,
        executor,
        rank: action.priority - action.boost,
        max: action.max,
        deadline,
        key: key && `${executor} ${key}`,
        status: 'queued',
        run_at: Date.parse(task.run_at),
        attempt: 0,
        lease: null,
        holder: null,
        told: ['job.queued'],
        attempts: [],
      });
    }

    async claim(action: Extract<Action, { do: 'claim' }>): Promise<void> {
      const executors = action.executors === 2 ? ['a', 'b'] : [EXECUTORS[action.executors]!];
      const wanted = this.model.due(executors, now()).slice(0, action.max);
      const { tasks } = await this.call<{ tasks: TaskObject[] }>('task.claim', {
        executors,
        max: action.max,
        lease_seconds: LEASE,
      });
      expect(tasks.map(({ id }) => id)).toEqual(wanted.map(({ id }) => id));
      for (const [i, task] of wanted.entries()) {
        this.model.claim(task, Date.parse(tasks[i]!.lease_expires_at!), 'caller');
        expect(tasks[i]!.fencing_token).toBe(task.attempt);
      }
    }

    /** A worker takes what is next of executor nexus, and ends what it took. */
    async work({ claim, outcome }: Extract<Action, { do: 'work' }>): Promise<void> {
      const wanted = this.model.due(['nexus'], now()).slice(0, claim);
      const input = { worker_id: 'w', lease_ms: LEASE * SECOND };
      const { claimed } = await bare.step(workOnJobs, this.zone_id, { ...input, ended: [], claim });
      expect(claimed.map(({ job }) => job.job_id)).toEqual(wanted.map(({ id }) => id));
      for (const task of wanted) this.model.claim(task, now() + LEASE * SECOND, 'worker');
      const held = this.model.tasks.filter((task) => task.executor === 'nexus' && task.status === 'running');
      const [next] = held;
      const row = next && (await bare.sql.read((tx) => findJob(tx, this.zone_id, next.id)));
      const ended = (row ? [row] : []).map((job) => ({
        job,
        outcome: outcome
          ? ({ kind: 'succeeded', result: '1' } as const)
          : ({ kind: 'failed', error: 'x', retryable: true } as const),
      }));
      const lost = ended.map(({ job, ...one }) => ({ ...one, job: { ...job, attempt: job.attempt - 1 } }));
      await bare.step(workOnJobs, this.zone_id, { ...input, ended: lost, claim: 0 });
      await bare.step(workOnJobs, this.zone_id, { ...input, ended, claim: 0 });
      for (const task of held.slice(0, 1)) {
        if (outcome) this.succeed(task);
        else this.model.fail(task, now(), { retryable: true });
      }
    }

    succeed(task: Model): void {
      task.attempts.push('succeeded');
      this.model.become(task, 'succeeded');
    }

    async cancel(task: Model): Promise<void> {
      const { cancelled } = await this.call<{ cancelled: boolean }>('task.cancel', { id: task.id });
      const over = task.status === 'succeeded' || task.status === 'failed';
      expect(cancelled).toBe(!over);
      if (over || task.status === 'cancelled') return;
      if (task.status === 'running') task.attempts.push('cancelled');
      this.model.become(task, 'cancelled');
    }

    async tell(
      task: Model,
      action: Extract<Action, { do: 'heartbeat' | 'complete' | 'cancel' | 'fail' }>,
    ): Promise<void> {
      const fencing_token = task.attempt - (action.stale ? 1 : 0);
      const holds = task.status === 'running' && !action.stale && task.holder === 'caller';
      const more =
        action.do === 'fail' ? { error: 'x', retryable: action.retryable, retry_after_seconds: action.after } : {};
      const asHeartbeat = action.do === 'heartbeat' ? { lease_seconds: LEASE } : {};
      const params = { id: task.id, fencing_token, ...more, ...asHeartbeat };
      const answer = await this.tried<TaskObject>(`task.${action.do}`, params);
      const kind = action.do === 'fail' ? 'failed' : 'succeeded';
      if (holds) expect(typeof answer, String(answer)).toBe('object');
      else if (typeof answer === 'string')
        expect(answer).toBe(task.status === 'cancelled' ? 'CANCELLED' : 'LEASE_LOST');
      // The end that this token made before may be told again.
      else expect(task.attempts[fencing_token - 1]).toBe(kind);
      if (!holds) return;
      if (action.do === 'heartbeat') task.lease = now() + LEASE * SECOND;
      if (action.do === 'complete') this.succeed(task);
      if (action.do === 'fail') this.model.fail(task, now(), action);
    }

    async pass(ms: number): Promise<void> {
      this.model.pass(ms);
      for (const task of this.model.tasks)
        if (task.deadline !== null) Object.assign(task, { deadline: task.deadline - ms });
      await bare.sql.write(this.zone_id, (tx) =>
        tx.run(
          'UPDATE jobs SET run_at = run_at - ?, lease_until = lease_until - ?, deadline = deadline - ? WHERE zone_id = ?',
          [ms, ms, ms, this.zone_id],
        ),
      );
    }

    /** What every node does. Twice: the second finds nothing. */
    async tend(): Promise<void> {
      const { lost } = await bare.step(findLate, 'root', { limit: 1_000, without: [] });
      const here = <T extends { zone_id: string }>(all: readonly T[]): T[] =>
        all.filter(({ zone_id }) => zone_id === this.zone_id);
      const late = this.model.tasks.filter(({ status, lease }) => status === 'running' && lease! <= now());
      expect(
        here(lost)
          .map(({ job_id }) => job_id)
          .sort(),
      ).toEqual(late.map(({ id }) => id).sort());
      for (const { job_id, attempt } of [...here(lost), ...here(lost)]) {
        await bare.step(recoverJob, this.zone_id, { job_id, attempt, worker_id: 'tender' });
      }
      for (const task of late) this.model.fail(task, now(), { retryable: true });
      const waiting = this.model.tasks.filter(({ status }) => status === 'queued' || status === 'retry_wait');
      const gone = waiting.filter(({ deadline }) => deadline !== null && deadline <= now());
      const { overdue } = await bare.step(findLate, 'root', { limit: 1_000, without: [] });
      const ids = here(overdue).map(({ job_id }) => job_id);
      await bare.step(failOverdue, this.zone_id, { job_ids: ids });
      for (const task of gone) this.model.become(task, 'failed');
    }

    async compare(): Promise<void> {
      const rows = await bare.sql.read((tx) =>
        tx.all<JobRow>('SELECT * FROM jobs WHERE zone_id = ? ORDER BY job_id', [this.zone_id]),
      );
      const tasks = this.model.tasks.toSorted((a, b) => (a.id < b.id ? -1 : 1));
      expect(rows.map(({ job_id, status, attempt }) => [job_id, status, attempt])).toEqual(
        tasks.map(({ id, status, attempt }) => [id, status, attempt]),
      );
      for (const [i, row] of rows.entries()) {
        const task = tasks[i]!;
        expect(Math.abs(row.run_at - task.run_at)).toBeLessThan(SLACK);
        task.run_at = row.run_at;
        if (task.status === 'running') {
          expect(Math.abs(row.lease_until! - task.lease!)).toBeLessThan(SLACK);
          task.lease = row.lease_until;
        } else expect(row.lease_until).toBe(null);
      }
    }

    /** What is left behind: one event a change, one row an attempt, counts that are a recount. */
    async compareTraces(): Promise<void> {
      const [events, attempts, counts] = await bare.sql.read(async (tx) => [
        await tx.all<{ type: string; object_id: string }>(
          "SELECT type, object_id FROM events WHERE zone_id = ? AND type LIKE 'job.%' ORDER BY seq",
          [this.zone_id],
        ),
        await tx.all<{ job_id: string; outcome: string }>(
          'SELECT job_id, outcome FROM job_attempts WHERE zone_id = ? ORDER BY job_id, attempt',
          [this.zone_id],
        ),
        await tx.get<Record<string, number>>('SELECT * FROM job_counts WHERE zone_id = ?', [this.zone_id]),
      ]);
      for (const task of this.model.tasks) {
        expect(events.filter((one) => one.object_id === task.id).map((one) => one.type)).toEqual(task.told);
        expect(attempts.filter((one) => one.job_id === task.id).map((one) => one.outcome)).toEqual(task.attempts);
      }
      const number = (...statuses: string[]): number =>
        this.model.tasks.filter(({ status }) => statuses.includes(status)).length;
      const { interactive = 0, batch = 0, background = 0, running = 0, ...ends } = counts ?? {};
      expect([interactive + batch + background, running]).toEqual([number('queued', 'retry_wait'), number('running')]);
      for (const end of ['succeeded', 'failed', 'cancelled']) expect(ends[end] ?? 0).toBe(number(end));
    }
  }

  const RUNS = Number(process.env.NEXUS_TEST_ROUNDS ?? 1) * 8;

  test('agree after every step', { timeout: RUNS * 20_000 }, async () => {
    const sequences = fc.array(actions, { minLength: STEPS_LEAST, maxLength: STEPS_MOST });
    const agrees = fc.asyncProperty(sequences, async (sequence) => {
      const run = new Run();
      await run.begin();
      for (const action of sequence) {
        await run.do(action);
        await run.compare();
      }
      await run.compareTraces();
    });
    await fc.assert(agrees, { numRuns: RUNS });
  });
});
