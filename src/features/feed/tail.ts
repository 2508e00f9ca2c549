/**
 * Where the newest events that a listener wants and may see begin (platform.md §3.4). Guarantee: they are sought down to the
 * oldest event that is kept, however rare they are, in slices of 10,000, each a transaction of its own.
 */
import { z } from 'zod';
import type { Call, Operation, Streaming } from '../../core/operation.ts';
import { type EventFilter, eventFilter, eventTest } from './filter.ts';
import { edgeOf } from './positions.ts';
import { PAGE_ROOM, scan } from './scan.ts';
import { sightOf } from './sight.ts';

export const tailFound = z.object({
  /** Number behind which those lie that have been found. */
  after: z.number(),
  /** Where to seek on, downwards; null when that is all. */
  next: z.number().nullable(),
  /** How many are still sought. */
  left: z.number(),
});
export type TailFound = z.infer<typeof tailFound>;

export interface Sought {
  readonly found: TailFound;
  readonly filter: EventFilter;
}

export async function seekTail(call: Call, { found, filter }: Sought): Promise<TailFound> {
  const { zone, tx, limits } = call;
  const { after, next: from, left } = found;
  const matches = eventTest(filter, limits);
  if (from === null || left === 0) return { after, next: null, left };
  const { rows, next } = await scan(tx, {
    zone_id: zone.zone_id,
    newestFirst: true,
    from,
    to: (await edgeOf(call)).oldest,
    most: left,
    room: PAGE_ROOM,
    filter,
    matches,
    sight: await sightOf(call),
  });
  const last = rows.at(-1);
  const rest = left - rows.length;
  return { after: last ? last.seq - 1 : after, next: rest === 0 ? null : (next ?? null), left: rest };
}

export const eventTail: Operation<Sought, TailFound> = {
  name: 'event.tail',
  summary: 'Seek the newest events of a listener in one more slice of the log.',
  effect: 'read',
  who: { role: 'viewer' },
  internal: true,
  heavy: true,
  input: z.object({ found: tailFound, filter: eventFilter }),
  output: tailFound,
  faults: [],
  run: seekTail,
};

/** Number behind which the newest so many lie, or as many as there are. */
export async function tailBegin(streaming: Streaming, { found, filter }: Sought): Promise<number> {
  let so = found;
  while (so.next !== null && !streaming.signal.aborted) so = await streaming.run(eventTail, { found: so, filter });
  return so.after;
}
