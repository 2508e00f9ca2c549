/**
 * What clients of a queue asked and were answered, and what has to be true of that (platform.md §2.6, §2.7). Pure. Guarantees:
 * no violation is named that a right queue could show, whatever was killed, paused or lost; times are of one monotonic
 * clock, in milliseconds, `asked` before the call and `at` after its answer.
 */

interface About {
  readonly job: string;
  readonly asked: number;
  readonly at: number;
}

export type Entry =
  | (About & { readonly kind: 'submitted'; readonly key: string; readonly value: number })
  /** `value` is what this holder completes it with; the lease lasts so many milliseconds. */
  | (About & { readonly kind: 'claimed'; readonly token: number; readonly by: string; readonly lease: number })
  | (About & { readonly kind: 'renewed'; readonly token: number; readonly lease: number })
  | (About & {
      readonly kind: 'ended';
      readonly token: number;
      readonly how: 'completed' | 'failed';
      readonly answer: 'ok' | 'refused' | 'unknown';
      /** Of an answer that was ok: what the task was then. */
      readonly status?: string;
      readonly value: string;
    })
  | (About & { readonly kind: 'cancelled'; readonly answer: 'yes' | 'no' | 'unknown' });

type Of<K extends Entry['kind']> = Extract<Entry, { readonly kind: K }>;

export interface FinalTask {
  readonly id: string;
  readonly executor: string;
  readonly status: string;
  readonly attempt: number;
  readonly max_attempts: number;
  readonly result: unknown;
  readonly attempts: readonly { readonly attempt: number; readonly claimed_by: string; readonly outcome: string }[];
}

export interface Final {
  readonly tasks: ReadonlyMap<string, FinalTask>;
  /** Types of the events of each job, in their order, without `job.`. */
  readonly events: ReadonlyMap<string, readonly string[]>;
  /** What the zone says of its tasks. */
  readonly counts: Readonly<Record<'queued' | 'running' | 'completed' | 'failed' | 'cancelled', number>>;
}

interface Told {
  readonly job: string;
  readonly entries: readonly Entry[];
  readonly task: FinalTask;
  readonly events: readonly string[];
}

/** What was not as it has to be; none for a right queue. */
export function checkHistory(history: readonly Entry[], final: Final): string[] {
  const found = [...checkKeys(history), ...checkCounts(final)];
  for (const [job, entries] of Map.groupBy(history, (entry) => entry.job)) {
    const task = final.tasks.get(job);
    if (!task) {
      found.push(`${job} was acknowledged and is lost`);
      continue;
    }
    const told: Told = { job, entries, task, events: final.events.get(job) ?? [] };
    for (const check of CHECKS) for (const what of check(told)) found.push(`${job} ${what}`);
  }
  return found;
}

function checkKeys(history: readonly Entry[]): string[] {
  const submitted = history.filter((entry) => entry.kind === 'submitted');
  return [...Map.groupBy(submitted, ({ key }) => key)].flatMap(([key, entries]) => {
    const jobs = new Set(entries.map(({ job }) => job));
    return jobs.size > 1 ? [`key ${key} made ${jobs.size} jobs: ${[...jobs].join(', ')}`] : [];
  });
}

function checkCounts({ tasks, counts }: Final): string[] {
  const words = Object.keys(counts) as (keyof Final['counts'])[];
  return words.flatMap((word) => {
    const there = [...tasks.values()].filter(({ status }) => status === word).length;
    return there === counts[word] ? [] : [`the zone says ${counts[word]} are ${word}, and ${there} are`];
  });
}

const of = <K extends Entry['kind']>({ entries }: Told, kind: K): Of<K>[] =>
  entries.filter((entry): entry is Of<K> => entry.kind === kind);

const isOver = (status: string): boolean => status === 'completed' || status === 'failed' || status === 'cancelled';

const CHECKS: readonly ((told: Told) => string[])[] = [
  ({ task }) => (isOver(task.status) ? [] : [`is still ${task.status}`]),
  checkTokens,
  checkEnds,
  checkCancels,
  checkLeases,
  checkAttempts,
  checkEvents,
];

/** A token is handed out once, and later claims have larger ones. */
function checkTokens(told: Told): string[] {
  const claims = of(told, 'claimed');
  const tokens = new Set(claims.map(({ token }) => token));
  const found = tokens.size < claims.length ? ['was claimed twice with one token'] : [];
  for (const one of claims) {
    const fallen = claims.some((other) => one.at < other.asked && other.token <= one.token);
    if (fallen) found.push(`was claimed with token ${one.token}, and later with one that is no larger`);
  }
  return found;
}

/** What was accepted stands, is the only one, and is not followed by another claim. */
function checkEnds(told: Told): string[] {
  const { task } = told;
  const found: string[] = [];
  const accepted = of(told, 'ended').filter(({ answer }) => answer === 'ok');
  for (const { token, how, status, value, at } of accepted) {
    const attempt = task.attempts.find((one) => one.attempt === token);
    if (attempt?.outcome !== how) found.push(`was ${how} by token ${token}, and its attempt is ${attempt?.outcome}`);
    if (how === 'failed' && status !== 'failed') continue;
    if (task.status !== how || task.attempt !== token) {
      found.push(`was ${how} by token ${token}, and is ${task.status} by ${task.attempt}`);
    }
    if (how === 'completed' && JSON.stringify(task.result) !== JSON.stringify({ value })) {
      found.push(`was completed with ${value}, and has ${JSON.stringify(task.result)}`);
    }
    if (of(told, 'claimed').some(({ asked }) => asked > at)) found.push(`was ${how}, and then claimed`);
  }
  for (const { token, how, answer } of of(told, 'ended')) {
    const attempt = task.attempts.find((one) => one.attempt === token);
    if (answer === 'refused' && attempt?.outcome === 'completed' && how === 'completed') {
      found.push(`was completed by token ${token}, which was refused`);
    }
  }
  return found;
}

function checkCancels(told: Told): string[] {
  const { task } = told;
  const found: string[] = [];
  for (const { answer, at } of of(told, 'cancelled')) {
    if (answer === 'yes' && task.status !== 'cancelled') found.push(`was cancelled, and is ${task.status}`);
    if (answer === 'no' && task.status === 'cancelled') found.push('could not be cancelled, and is');
    if (answer === 'yes' && of(told, 'claimed').some(({ asked }) => asked > at)) {
      found.push('was cancelled, and then claimed');
    }
  }
  return found;
}

/** Nobody else gets what is held: not before its lease is over, or its holder may have given it up. */
function checkLeases(told: Told): string[] {
  const claims = of(told, 'claimed');
  return [...claims, ...of(told, 'renewed')].flatMap((held) => {
    const gaveUp = of(told, 'ended').some(({ token, answer }) => token === held.token && answer !== 'refused');
    if (gaveUp) return [];
    const early = claims.find(({ token, at }) => token > held.token && at < held.asked + held.lease);
    return early
      ? [`was held by token ${held.token}, and handed out with ${early.token} before its lease was over`]
      : [];
  });
}

/** Numbered without a gap, no more than there may be, by whom they were claimed, and only the last one ended it. */
function checkAttempts(told: Told): string[] {
  const { attempts, attempt, max_attempts, status } = told.task;
  const found: string[] = [];
  if (attempts.some((one, at) => one.attempt !== at + 1) || attempts.length !== attempt) {
    found.push(`has attempts ${attempts.map((one) => one.attempt).join(', ')} of ${attempt}`);
  }
  if (attempt > max_attempts) found.push(`had ${attempt} attempts of ${max_attempts}`);
  for (const { attempt: number, outcome } of attempts) {
    const isLast = number === attempt;
    const may = isLast ? ['failed', status] : ['failed'];
    if (!may.includes(outcome)) found.push(`is ${status}, and attempt ${number} of ${attempt} is ${outcome}`);
  }
  for (const { token, by } of of(told, 'claimed')) {
    const holder = attempts.find((one) => one.attempt === token)?.claimed_by;
    if (holder !== by) found.push(`was claimed by ${by} with token ${token}, which is said to be of ${holder}`);
  }
  return found;
}

const LIFE = /^queued( running retry_wait)*( running)? (succeeded|failed|cancelled)$/;

/** One event for each change of status. */
function checkEvents({ events, task }: Told): string[] {
  const told = events.join(' ');
  const runs = events.filter((type) => type === 'running').length;
  const end = { succeeded: 'completed' }[events.at(-1) ?? ''] ?? events.at(-1);
  return LIFE.test(told) && runs === task.attempt && end === task.status
    ? []
    : [`is ${task.status} after ${task.attempt} attempts, and its events are: ${told}`];
}
