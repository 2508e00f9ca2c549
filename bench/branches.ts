/**
 * Replay of a branch of a text of 1 KB with 10,000 events in its lineage, against one with the ten that a replay computes at most;
 * and the SQL statements of both, which have to be the same (corpus.md §17).
 */
import { type Account, call, jsonHeaders, statementsOf } from './lib/calls.ts';
import { startBenchServer } from './lib/child.ts';
import { measurePairs, printBar, type Side } from './lib/pairs.ts';

const EVENTS = 10_000;
const SHORT = 10;
/** Events of a call that makes them. */
const BATCH = 1_000;
const TEXT = 'The knight rode through the light of the old river, and the boats went slowly by. '
  .repeat(12)
  .slice(0, 1024);
const PAIRS = 9;
const REPLAYS = 20;
const REPLAY_MS_MAX = 200;

/** Each does something to the text, and leaves it about as long. */
const TYPES = ['natural_drift', 'reverse_drift', 'synthetic_mutation', 'phase_shift'] as const;
const eventAt = (seed: number) => {
  const event_type = TYPES[seed % TYPES.length];
  return { event_type, event_payload: event_type === 'phase_shift' ? { seed, phase: 'peak' } : { seed } };
};

async function post<T>({ url, key }: Account, path: string, body: object): Promise<T> {
  const answer = await fetch(url + path, { method: 'POST', headers: jsonHeaders(key), body: JSON.stringify(body) });
  const value: unknown = await answer.json();
  if (!answer.ok) throw new Error(`${path}: ${JSON.stringify(value)}`);
  return value as T;
}

async function ingested(account: Account): Promise<string> {
  await call(account, 'write', { path: '/bench/text.md', content: TEXT });
  await post(account, '/api/v1/ingest/batch', { source_paths: ['nexus:///bench/text.md'] });
  const answer = await fetch(`${account.url}/api/v1/documents`, { headers: jsonHeaders(account.key) });
  const { documents } = (await answer.json()) as { documents: { id: string }[] };
  return documents[0]?.id ?? '';
}

/** The last branch of a lineage of so many events. */
async function lineage(account: Account, document: string, events: number): Promise<string> {
  let base: object = { root_document_id: document };
  let last = '';
  for (let from = 0; from < events; from += BATCH) {
    const some = Array.from({ length: Math.min(BATCH, events - from) }, (_, i) => eventAt(from + i));
    const made = await post<{ final_branch_id: string }>(account, '/api/v1/evolve/multi', { ...base, events: some });
    last = made.final_branch_id;
    base = { parent_branch_id: last };
  }
  return last;
}

interface Replay {
  readonly event_count: number;
  readonly replay_snapshot: { readonly verified: boolean };
}

async function replay(account: Account, branch: string, events: number): Promise<void> {
  const answer = await post<Replay>(account, `/api/v1/branches/${branch}/replay`, {});
  if (answer.event_count !== events || !answer.replay_snapshot.verified) throw new Error(JSON.stringify(answer));
}

/** Milliseconds of one replay. */
const side = (name: string, work: () => Promise<void>): Side => ({
  name,
  measure: async () => {
    const began = performance.now();
    for (let i = 0; i < REPLAYS; i++) await work();
    return (performance.now() - began) / REPLAYS;
  },
});

export async function run(): Promise<boolean> {
  const server = await startBenchServer();
  const { url, adminKey: key } = server.ready;
  const account = { url, key };
  const document = await ingested(account);
  const works = new Map<number, () => Promise<void>>();
  for (const events of [EVENTS, SHORT]) {
    const branch = await lineage(account, document, events);
    works.set(events, () => replay(account, branch, events));
  }
  const [long, short] = [works.get(EVENTS)!, works.get(SHORT)!];
  const sides = { ours: side(`${EVENTS} events`, long), theirs: side(`${SHORT} events`, short) };
  const result = await measurePairs(sides.ours, sides.theirs, PAIRS);
  const bar = { id: 'C1', what: 'replay of a branch of 1 KB', unit: 'ms', bound: { atMost: 1.5 } };
  let met = printBar(bar, sides, result);
  const slowest = Math.max(...result.ours);
  console.log(
    `    slowest ${slowest.toFixed(1)} ms, bar < ${REPLAY_MS_MAX} ms: ${slowest < REPLAY_MS_MAX ? 'met' : 'NOT MET'}`,
  );
  met &&= slowest < REPLAY_MS_MAX;
  const own = await statementsOf(url, async () => undefined);
  const [many, few] = [(await statementsOf(url, long)) - own, (await statementsOf(url, short)) - own];
  console.log(`    SQL statements, authentication and sight included: ${many} and ${few}`);
  await server.stop();
  return met && many === few;
}
