/** The checker itself: a right history passes, and each way of being wrong is named. */
import { expect, test } from 'vitest';
import { checkHistory, type Entry, type Final, type FinalTask } from './history.ts';

const TASK: FinalTask = {
  id: 'a',
  executor: 'out',
  status: 'completed',
  attempt: 2,
  max_attempts: 3,
  result: { value: 'v2' },
  attempts: [
    { attempt: 1, claimed_by: 'one', outcome: 'failed' },
    { attempt: 2, claimed_by: 'two', outcome: 'completed' },
  ],
};
const EVENTS = ['queued', 'running', 'retry_wait', 'running', 'succeeded'];
const NONE = { queued: 0, running: 0, completed: 0, failed: 0, cancelled: 0 };

const when = (asked: number, at = asked + 1) => ({ job: 'a', asked, at });
const HISTORY: readonly Entry[] = [
  { kind: 'submitted', key: 'k', value: 1, ...when(0) },
  { kind: 'claimed', token: 1, by: 'one', lease: 100, ...when(10) },
  { kind: 'renewed', token: 1, lease: 100, ...when(50) },
  { kind: 'claimed', token: 2, by: 'two', lease: 100, ...when(200) },
  { kind: 'ended', token: 1, how: 'completed', answer: 'refused', value: 'v1', ...when(210) },
  { kind: 'ended', token: 2, how: 'completed', answer: 'unknown', value: 'v2', ...when(220) },
  { kind: 'ended', token: 2, how: 'completed', answer: 'ok', status: 'completed', value: 'v2', ...when(230) },
  { kind: 'cancelled', answer: 'no', ...when(240) },
];

function finalOf(task: Partial<FinalTask> = {}, events: readonly string[] = EVENTS, counts = { completed: 1 }): Final {
  return {
    tasks: new Map([['a', { ...TASK, ...task }]]),
    events: new Map([['a', events]]),
    counts: { ...NONE, ...counts },
  };
}

test('a right history has no violation', () => {
  expect(checkHistory(HISTORY, finalOf())).toEqual([]);
});

const CANCELLED: readonly Entry[] = [...HISTORY.slice(0, 4), { kind: 'cancelled', answer: 'yes', ...when(240) }];

test.each<[string, readonly Entry[], Final]>([
  ['is lost', HISTORY, { tasks: new Map(), events: new Map(), counts: NONE }],
  ['is still running', HISTORY, finalOf({ status: 'running' })],
  ['made 2 jobs', [...HISTORY, { kind: 'submitted', key: 'k', value: 1, ...when(1), job: 'b' }], finalOf()],
  ['the zone says 2 are completed', HISTORY, finalOf({}, EVENTS, { completed: 2 })],
  ['twice with one token', [...HISTORY, { kind: 'claimed', token: 2, by: 'two', lease: 1, ...when(200) }], finalOf()],
  ['no larger', [...HISTORY, { kind: 'claimed', token: 1, by: 'one', lease: 1, ...when(215) }], finalOf()],
  ['is failed by 2', HISTORY, finalOf({ status: 'failed' })],
  [
    'and its attempt is failed',
    HISTORY,
    finalOf({ attempts: TASK.attempts.map((one) => ({ ...one, outcome: 'failed' })) }),
  ],
  ['and has {"value":"v1"}', HISTORY, finalOf({ result: { value: 'v1' } })],
  [
    'was completed, and then claimed',
    [...HISTORY, { kind: 'claimed', token: 3, by: 'x', lease: 1, ...when(300) }],
    finalOf(),
  ],
  [
    'which was refused',
    HISTORY.map((one) => (one.kind === 'ended' && one.token === 2 ? { ...one, answer: 'refused' as const } : one)),
    finalOf(),
  ],
  ['was cancelled, and is completed', CANCELLED, finalOf()],
  ['could not be cancelled, and is', HISTORY, finalOf({ status: 'cancelled' })],
  [
    'was cancelled, and then claimed',
    [...CANCELLED, { kind: 'claimed', token: 3, by: 'x', lease: 1, ...when(300) }],
    finalOf(),
  ],
  [
    'before its lease was over',
    HISTORY.map((one) => (one.kind === 'renewed' ? { ...one, ...when(150) } : one)),
    finalOf(),
  ],
  ['has attempts 1 of 2', HISTORY, finalOf({ attempts: TASK.attempts.slice(0, 1) })],
  ['had 2 attempts of 1', HISTORY, finalOf({ max_attempts: 1 })],
  [
    'attempt 1 of 2 is completed',
    HISTORY,
    finalOf({ attempts: TASK.attempts.map((one) => ({ ...one, outcome: 'completed' })) }),
  ],
  [
    'which is said to be of somebody',
    HISTORY,
    finalOf({ attempts: TASK.attempts.map((one) => ({ ...one, claimed_by: 'somebody' })) }),
  ],
  ['its events are: queued running succeeded', HISTORY, finalOf({}, ['queued', 'running', 'succeeded'])],
  ['running running', HISTORY, finalOf({}, ['queued', 'running', 'running', 'succeeded'])],
])('%s', (what, history, final) => {
  expect(checkHistory(history, final).join('; ')).toContain(what);
});
