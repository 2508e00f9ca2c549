/** The log newest first, and the view of it that holds the changes of files alone (platform.md §3.2). */
import { z } from 'zod';
import { contradicts, readCursor, writeCursor } from '../../base/cursor.ts';
import { FILE_TYPES } from '../../base/event-types.ts';
import { Fault } from '../../base/faults.ts';
import { plainText } from '../../base/texts.ts';
import type { Call, Operation } from '../../core/operation.ts';
import type { EventRow } from '../events/events.sql.ts';
import { countEvents } from '../events/reading.sql.ts';
import { eventObject } from './event-line.ts';
import { listEveryZone } from './every-zone.ts';
import { agentParam, type EventFilter, eventTest, originParams, patternParam, typesParam } from './filter.ts';
import { eventsBody, inBody, jsonList, listOf, operationLine, pageShape } from './page.ts';
import { edgeOf, lastBefore, requireKept, requireSameLog, restoredParam, timeParam } from './positions.ts';
import { PAGE_ROOM, scan } from './scan.ts';
import { sightOf } from './sight.ts';

const EVENTS_DEFAULT = 50;
const EVENTS_MAX = 1_000;

const input = z.object({
  limit: z.int().min(1).default(EVENTS_DEFAULT).describe(`events of a page, at most ${EVENTS_MAX}`),
  cursor: z.string().optional().describe('next_cursor of the page before'),
  operation_type: typesParam.describe('types of events, by any of their names'),
  path_prefix: plainText.optional().describe('beginning of the paths'),
  path_pattern: patternParam,
  agent_id: agentParam,
  ...originParams,
  user_id: plainText.optional().describe('who did it, of the zone unless another is named'),
  user_zone_id: plainText.optional().describe('zone in which who did it is at home'),
  since: timeParam.optional().describe('not before this time'),
  until: timeParam.optional().describe('not after this time'),
  zone_id: z.string().optional().describe('* for all zones, for an admin of zone root'),
});
type Input = z.infer<typeof input>;

const cursorState = z.object({ zone_id: z.string(), before: z.int().min(1), restored_at: restoredParam });

export const filterOf = (given: Partial<Input>, types = given.operation_type): EventFilter => ({
  types: types ?? null,
  agent_id: given.agent_id ?? null,
  user_id: given.user_id ?? null,
  user_zone_id: given.user_zone_id ?? null,
  request_id: given.request_id ?? null,
  object_type: given.object_type ?? null,
  object_id: given.object_id ?? null,
  path_prefix: given.path_prefix ?? null,
  path_pattern: given.path_pattern ?? null,
});

/** What a list is of. */
interface Listing {
  /** Kind of its cursors: one of another list is none of this. */
  readonly kind: 'events' | 'operations';
  readonly filter: EventFilter;
}

/** First and last number that is asked for, the last of them first. */
interface Bounds {
  readonly newest: number;
  readonly oldest: number;
  readonly restored_at: number;
}

async function boundsOf(call: Call, { cursor, since, until }: Input, kind: Listing['kind']): Promise<Bounds> {
  const { zone } = call;
  // Without a time it is a list of what is kept; from a time on, it is whole or refused.
  const before = since === undefined ? undefined : await lastBefore(call, since);
  const { oldest: edge, restored_at } = before === undefined ? await edgeOf(call) : await requireKept(call, before);
  const oldest = before === undefined ? edge : before + 1;
  // From the time of the last event on that is all of them, also where none is kept.
  const newest = until === undefined || until >= zone.seq_at ? zone.seq : await lastBefore(call, until + 1);
  if (newest + 1 < edge) throw belowEdge(newest, edge);
  if (cursor === undefined) return { newest, oldest, restored_at };
  const { zone_id, before: next, ...state } = readCursor(kind, cursor, cursorState);
  if (zone_id !== zone.zone_id) throw contradicts('zone_id');
  requireSameLog({ restored_at }, state);
  if (next <= edge && edge > 1) throw belowEdge(next, edge);
  return { newest: Math.min(newest, next - 1), oldest, restored_at };
}

const belowEdge = (revision: number, oldest: number): Fault =>
  new Fault('REVISION_GONE', `Events up to ${oldest - 1} are no longer kept`, { revision, oldest });

interface Page {
  readonly rows: readonly EventRow[];
  readonly next_cursor: string | null;
  readonly has_more: boolean;
}

async function pageOf(call: Call, given: Input, { kind, filter }: Listing): Promise<Page> {
  const most = Math.min(given.limit, EVENTS_MAX);
  if (isEvery(given)) return listEveryZone(call, { ...given, most, kind, filter });
  const { zone_id } = call.zone;
  const { newest, oldest, restored_at } = await boundsOf(call, given, kind);
  const { rows, next } = await scan(call.tx, {
    zone_id,
    newestFirst: true,
    from: newest,
    to: oldest,
    most,
    room: PAGE_ROOM,
    filter,
    matches: eventTest(filter, call.limits),
    sight: await sightOf(call),
  });
  const next_cursor = next === undefined ? null : writeCursor(kind, { zone_id, before: next + 1, restored_at });
  return { rows, next_cursor, has_more: next !== undefined };
}

const isEvery = ({ zone_id }: Input): boolean => zone_id === '*';

const READS = {
  effect: 'read',
  who: { role: 'viewer' },
  heavy: true,
  zone: 'any',
  input,
  faults: ['INVALID_CURSOR', 'INVALID_PATTERN', 'REVISION_GONE'],
} as const;

const NOTHING = { next_cursor: null, has_more: false };

const listOutput = z.object({ events: jsonList, ...pageShape });

export const eventList: Operation<Input, z.infer<typeof listOutput>> = {
  ...READS,
  name: 'event.list',
  summary: 'List what happened in the zone, newest first: the events that the caller may see.',
  output: listOutput,
  http: {
    method: 'GET',
    path: '/api/v2/events',
    present: (output) => ({ ...output, events: inBody(output.events) }),
    body: eventsBody,
  },
  cli: { words: 'event list' },
  nowhere: () => ({ events: listOf([]), ...NOTHING }),
  run: async (call, given) => {
    const { rows, ...page } = await pageOf(call, given, { kind: 'events', filter: filterOf(given) });
    return { events: listOf(rows), ...page };
  },
};

const operationsOutput = z.object({ operations: jsonList, total: z.number().optional(), ...pageShape });
const operationObject = eventObject.extend({ operation_id: z.string() });

export const eventOperations: Operation<Input, z.infer<typeof operationsOutput>> = {
  ...READS,
  name: 'event.operations',
  tool: 'list_operations',
  summary: 'List the changes of files, newest first.',
  output: operationsOutput,
  http: {
    method: 'GET',
    path: '/api/v2/operations',
    present: (output) => ({ ...output, operations: inBody(output.operations) }),
    body: z.object({ operations: z.array(operationObject), total: z.number().optional(), ...pageShape }),
  },
  cli: { words: 'event operations' },
  nowhere: () => ({ operations: listOf([]), ...NOTHING }),
  run: async (call, given) => {
    const filter = filterOf(
      given,
      given.operation_type?.filter((type) => FILE_TYPES.includes(type)) ?? [...FILE_TYPES],
    );
    const { rows, ...page } = await pageOf(call, given, { kind: 'operations', filter });
    const total = await totalOf(call, { ...given, cursor: undefined }, filter);
    return { operations: listOf(rows, operationLine), ...(total === undefined ? {} : { total }), ...page };
  },
};

/** Numbers among which events are counted: counting touches each. */
const COUNTED = 100_000;

/**
 * How many there are in all, for admins, where that can be told quickly: not where places matter too, and only looking at
 * each event would tell, nor in a longer log.
 */
async function totalOf(call: Call, given: Input, filter: EventFilter): Promise<number | undefined> {
  const { zone_id } = call.zone;
  const { all } = await sightOf(call);
  if (!all || isEvery(given) || filter.path_prefix !== null || filter.path_pattern !== null) return undefined;
  const { newest, oldest } = await boundsOf(call, given, 'operations');
  if (newest - oldest >= COUNTED) return undefined;
  return countEvents(call.tx, { zone_id, first: oldest, last: newest, ...filter });
}
