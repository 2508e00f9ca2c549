/** What a queue says of a zone when all is over, page by page, for the checker of its history. */
import { setTimeout as sleep } from 'node:timers/promises';
import { askUntilAnswered, type Zone } from './clients.ts';
import type { Final, FinalTask } from './history.ts';

/** A busy machine loses leases, whose jobs come again and again. */
const SETTLED_MS_MAX = 240_000;
const COUNTED = ['queued', 'running', 'completed', 'failed', 'cancelled'] as const;

async function get(zone: Zone, path: string): Promise<Readonly<Record<string, unknown>>> {
  const { status, body } = await askUntilAnswered(zone, path);
  if (status !== 200) throw new Error(`${path} is ${status}: ${JSON.stringify(body)}`);
  return body;
}

async function* pages(zone: Zone, path: string, items: string): AsyncGenerator<Readonly<Record<string, unknown>>> {
  let cursor: unknown;
  do {
    const more = typeof cursor === 'string' ? `&cursor=${encodeURIComponent(cursor)}` : '';
    const page = await get(zone, `${path}${more}`);
    yield* page[items] as Readonly<Record<string, unknown>>[];
    cursor = page.has_more === true ? page.next_cursor : undefined;
  } while (cursor !== undefined);
}

const countsOf = async (zone: Zone): Promise<Final['counts']> =>
  (await get(zone, '/api/v2/scheduler/metrics')) as unknown as Final['counts'];

/** Waits until nothing is to be done any more; false where that does not come. */
export async function settled(zone: Zone): Promise<boolean> {
  const until = performance.now() + SETTLED_MS_MAX;
  while (performance.now() < until) {
    const { queued, running } = await countsOf(zone);
    if (queued === 0 && running === 0) return true;
    await sleep(150);
  }
  return false;
}

export async function readFinal(zone: Zone): Promise<Final> {
  const tasks = new Map<string, FinalTask>();
  for await (const { id } of pages(zone, '/api/v2/scheduler/tasks?limit=1000', 'tasks')) {
    const task = (await get(zone, `/api/v2/scheduler/task/${String(id)}`)) as unknown as FinalTask;
    tasks.set(task.id, task);
  }
  const events = new Map<string, string[]>();
  for await (const { type, object } of pages(zone, '/api/v2/events/replay?limit=10000', 'events')) {
    const word = String(type);
    if (!word.startsWith('job.')) continue;
    const job = (object as { readonly id: string }).id;
    events.set(job, [...(events.get(job) ?? []), word.slice('job.'.length)]);
  }
  const said = await countsOf(zone);
  const counts = Object.fromEntries(COUNTED.map((word) => [word, said[word]])) as unknown as Final['counts'];
  return { tasks, events, counts };
}
