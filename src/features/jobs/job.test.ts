/** The rules of a job: urgency, ageing, backoff, and what an outcome makes of it. */
import { expect, test } from 'vitest';
import {
  backoffMs,
  claimed,
  classOf,
  effectiveTier,
  ended,
  type JobState,
  type JobTerms,
  rankOf,
  shortError,
} from './job.ts';

const urgency = { tier: 3, request_state: 'pending', boost: 0 } as const;

test('io_wait lifts background tasks to the middle and no others; a boost lifts by tiers', () => {
  expect([classOf(urgency), classOf({ ...urgency, request_state: 'io_wait' })]).toEqual(['background', 'batch']);
  expect([0, 1, 2, 3, 4].map((tier) => classOf({ ...urgency, tier }))).toEqual([
    'interactive',
    'interactive',
    'batch',
    'background',
    'background',
  ]);
  expect(rankOf({ ...urgency, request_state: 'io_wait', boost: 1 })).toBe(1);
  expect(rankOf({ tier: 0, request_state: 'io_wait', boost: 2 })).toBe(-2);
});

test('120 seconds of waiting are worth a tier, down to the first and never above the last', () => {
  const tiers = [0, 119_999, 120_000, 480_000, 9e9].map((waited) => effectiveTier(4, waited));
  expect(tiers).toEqual([4, 4, 3, 0, 0]);
  expect([effectiveTier(-2, 0), effectiveTier(2, -5_000)]).toEqual([0, 2]);
});

test('the last backoff holds for all further attempts', () => {
  expect([1, 2, 3, 4, 10].map((attempt) => backoffMs([2, 10, 30], attempt))).toEqual([2e3, 1e4, 3e4, 3e4, 3e4]);
  expect(backoffMs([0.5], 1)).toBe(500);
});

const waiting: JobState & JobTerms = {
  status: 'queued',
  run_at: 100,
  attempt: 0,
  lease_owner: null,
  lease_subject: null,
  lease_until: null,
  started_at: null,
  ended_at: null,
  updated_at: 100,
  result: null,
  error: null,
  max_attempts: 2,
  backoff: '[2,10]',
};
const running = { ...waiting, ...claimed(waiting, { owner: 'w', subject: 'user:u', until: 900, now: 200 }) };

test('a claim counts an attempt and leases', () => {
  expect(running).toMatchObject({ status: 'running', attempt: 1, lease_owner: 'w', lease_until: 900, started_at: 200 });
});

test('a failure releases the lease and waits; the last one ends the job', () => {
  const failure = { kind: 'failed', error: 'no', retryable: true } as const;
  const first = ended(running, failure, 500);
  expect(first.state).toMatchObject({
    status: 'retry_wait',
    run_at: 2_500,
    lease_owner: null,
    lease_until: null,
    ended_at: null,
  });
  expect(first.attempt).toMatchObject({
    attempt: 1,
    outcome: 'failed',
    ended_by: 'holder',
    claimed_by: 'w',
    error: 'no',
  });
  expect(ended({ ...running, attempt: 2 }, failure, 500).state).toMatchObject({ status: 'failed', ended_at: 500 });
  expect(ended(running, { ...failure, retryable: false }, 500).state.status).toBe('failed');
  expect(ended(running, { ...failure, retry_after_ms: 7 }, 500).state.run_at).toBe(507);
});

test('a lost lease goes through the same backoff and names who found it', () => {
  const { state, attempt } = ended(running, { kind: 'lost', by: 'finder' }, 500);
  expect(state).toMatchObject({ status: 'retry_wait', run_at: 2_500, lease_owner: 'finder', lease_until: null });
  expect(attempt).toMatchObject({ ended_by: 'lease', claimed_by: 'w', error: 'Lease expired' });
});

test('what had not started leaves no attempt', () => {
  expect(ended(waiting, { kind: 'cancelled' }, 5).attempt).toBe(undefined);
  expect(ended(waiting, { kind: 'overdue' }, 5)).toMatchObject({ state: { status: 'failed' }, attempt: undefined });
});

test('a text of a failure is kept short and whole', () => {
  expect(shortError(`${'x'.repeat(1_999)}💥`)).toHaveLength(2_000);
  expect(shortError(`${'x'.repeat(1_999)}💥`).isWellFormed()).toBe(true);
  expect(shortError('a\0b')).toBe('ab');
});
