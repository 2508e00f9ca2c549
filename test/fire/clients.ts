/**
 * Clients of a queue under fire, which write down what they asked and were answered: one who submits and cancels, and
 * holders who work, fail, hang beyond their lease, vanish, or hold on by heartbeats. Guarantees: what was asked and not
 * answered is asked again, with the same key or token, until it is; every wait ends by itself.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Chance, upTo } from '../crash/acts.ts';
import { ADMIN_KEY } from '../crash/program.ts';
import type { Entry } from './history.ts';

const ROOT = '/api/v2/scheduler';
/** Milliseconds after which an answer counts as lost. */
const ANSWER_MS_MAX = 8_000;
const LEASE_SECONDS = 5;
export const OUTSIDE = 'out';

export interface Zone {
  readonly zone_id: string;
  readonly chance: Chance;
  readonly history: Entry[];
  /** The servers that are there; which one is asked is left to chance. */
  readonly urls: () => readonly string[];
  /** Nothing more is to be done. */
  over: boolean;
}

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** undefined: nobody knows what came of it. */
async function ask(zone: Zone, path: string, body?: object): Promise<Answer | undefined> {
  const urls = zone.urls();
  const url = urls[upTo(zone.chance, urls.length)];
  if (url === undefined) return undefined;
  const headers = {
    authorization: `Bearer ${ADMIN_KEY}`,
    'x-nexus-zone-id': zone.zone_id,
    ...(body ? { 'content-type': 'application/json' } : {}),
  };
  try {
    const response = await fetch(`${url}${path}`, {
      method: body ? 'POST' : 'GET',
      headers,
      ...(body ? { body: JSON.stringify(body) } : {}),
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
    });
    const answer = { status: response.status, body: (await response.json()) as Answer['body'] };
    return answer.status >= 500 ? undefined : answer;
  } catch {
    return undefined;
  }
}

/** Asks until there is an answer, for as long as there is a client. */
export async function askUntilAnswered(zone: Zone, path: string, body?: object): Promise<Answer> {
  for (;;) {
    const answer = await ask(zone, path, body);
    if (answer) return answer;
    await sleep(50 + upTo(zone.chance, 200));
  }
}

const now = (): number => performance.now();

/** Queues a job and writes it down; half of them run inside. */
export async function submit(zone: Zone, n: number): Promise<string> {
  const { chance } = zone;
  const outside = chance() < 0.5;
  const key = `job-${n}`;
  const payload = outside
    ? { n }
    : { value: { value: `inside-${n}` }, delay_ms: upTo(chance, 400), fail_attempts: upTo(chance, 3) };
  const body = {
    executor: outside ? OUTSIDE : 'nexus',
    task_type: outside ? 'work' : 'echo',
    payload,
    priority: ['high', 'normal', 'low'][upTo(chance, 3)],
    max_attempts: 10,
    backoff_seconds: [0.1, 0.3],
    idempotency_key: key,
  };
  const asked = now();
  const { status, body: task } = await askUntilAnswered(zone, `${ROOT}/submit`, body);
  if (status !== 201 && status !== 200) throw new Error(`submit is ${status}: ${JSON.stringify(task)}`);
  const job = String(task.id);
  zone.history.push({ kind: 'submitted', job, key, value: n, asked, at: now() });
  return job;
}

export async function cancel(zone: Zone, job: string): Promise<void> {
  const asked = now();
  const answer = await ask(zone, `${ROOT}/task/${job}/cancel`, {});
  const said = answer && (answer.body.cancelled === true ? 'yes' : 'no');
  zone.history.push({ kind: 'cancelled', job, answer: said ?? 'unknown', asked, at: now() });
}

interface Held {
  readonly job: string;
  readonly token: number;
}

/** One holder, who never gives up. */
export async function hold(zone: Zone, by: string): Promise<void> {
  while (!zone.over) {
    const asked = now();
    const max = 1 + upTo(zone.chance, 3);
    const wait_seconds = zone.chance() < 0.5 ? 0 : 1;
    const claim = { executor: OUTSIDE, max, lease_seconds: LEASE_SECONDS, wait_seconds, worker: by };
    const answer = await ask(zone, `${ROOT}/claim`, claim);
    const at = now();
    const tasks = (answer?.status === 200 ? answer.body.tasks : []) as { id: string; fencing_token: number }[];
    const held = tasks.map(({ id, fencing_token }): Held => ({ job: id, token: fencing_token }));
    for (const one of held) {
      zone.history.push({ kind: 'claimed', ...one, by, lease: LEASE_SECONDS * 1000, asked, at });
    }
    await Promise.all(held.map((one) => workOn(zone, one)));
    if (held.length === 0) await sleep(30 + upTo(zone.chance, 100));
  }
}

/** What a holder may do with what it holds, by how often. */
async function workOn(zone: Zone, held: Held): Promise<void> {
  const act = zone.chance();
  await sleep(upTo(zone.chance, 120));
  if (act < 0.1) return;
  if (act < 0.2) await sleep(LEASE_SECONDS * 1000 + upTo(zone.chance, 1_500));
  if (act >= 0.2 && act < 0.3) await holdOn(zone, held);
  await end(zone, held, act > 0.85 ? 'failed' : 'completed');
}

/** Longer than the lease it began with. */
async function holdOn(zone: Zone, { job, token }: Held): Promise<void> {
  const until = now() + LEASE_SECONDS * 1000 + upTo(zone.chance, 1_000);
  while (now() < until) {
    await sleep(700);
    const asked = now();
    const body = { fencing_token: token, lease_seconds: LEASE_SECONDS };
    const answer = await ask(zone, `${ROOT}/task/${job}/heartbeat`, body);
    if (answer?.status === 200) {
      zone.history.push({ kind: 'renewed', job, token, lease: LEASE_SECONDS * 1000, asked, at: now() });
    } else if (answer) return;
  }
}

/** Tells the end until it has been heard. */
async function end(zone: Zone, { job, token }: Held, how: 'completed' | 'failed'): Promise<void> {
  const value = `${job}-${token}`;
  const path = `${ROOT}/task/${job}/${how === 'completed' ? 'complete' : 'fail'}`;
  const body = {
    fencing_token: token,
    ...(how === 'completed' ? { result: { value } } : { error: 'as chance had it' }),
  };
  for (;;) {
    const asked = now();
    const answer = await ask(zone, path, body);
    const heard = { kind: 'ended', job, token, how, value, asked, at: now() } as const;
    if (!answer) zone.history.push({ ...heard, answer: 'unknown' });
    else if (answer.status === 200) zone.history.push({ ...heard, answer: 'ok', status: String(answer.body.status) });
    else zone.history.push({ ...heard, answer: 'refused' });
    if (answer) return;
    await sleep(50 + upTo(zone.chance, 200));
  }
}
