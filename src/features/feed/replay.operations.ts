/**
 * The log oldest first, from a place on (platform.md §3.2): a page, or as lines all that there is up to the head, which are
 * made in the reading thread while the ones before are sent.
 */
import { z } from 'zod';
import { contradicts, readCursor, writeCursor } from '../../base/cursor.ts';
import { invalidParams } from '../../base/faults.ts';
import type { Call, Operation, Streaming } from '../../core/operation.ts';
import { eventLine, eventObject } from './event-line.ts';
import {
  agentParam,
  type EventFilter,
  eventFilter,
  eventTest,
  originParams,
  patternParam,
  typesParam,
} from './filter.ts';
import { filterOf } from './list.operations.ts';
import { eventsBody, inBody, jsonList, listOf, pageShape } from './page.ts';
import {
  edgeOf,
  lastBefore,
  positionParam,
  requireKept,
  requirePosition,
  requireSameLog,
  requireThere,
  restoredParam,
  timeParam,
} from './positions.ts';
import { PAGE_ROOM, STEP_ROOM, scan } from './scan.ts';
import { sightOf } from './sight.ts';

const EVENTS_DEFAULT = 100;
const EVENTS_MAX = 10_000;
/** Events of one piece of lines. */
const PIECE_EVENTS = 2_000;

const input = z.object({
  limit: z.int().min(1).default(EVENTS_DEFAULT).describe(`events of a page, at most ${EVENTS_MAX}`),
  cursor: z.string().optional().describe('next_cursor of the page before'),
  since_revision: positionParam.optional().describe('number or id of the event behind which to begin'),
  since_timestamp: timeParam.optional().describe('time from which to begin'),
  event_types: typesParam.describe('types of events, by any of their names'),
  path_pattern: patternParam,
  agent_id: agentParam,
  ...originParams,
});
type Input = z.infer<typeof input>;

const output = z.object({
  events: jsonList,
  ...pageShape,
  head: z.number(),
  /** Number behind which it began. */
  after: z.number(),
});
type Output = z.infer<typeof output>;

const cursorState = z.object({ zone_id: z.string(), after: z.int().min(0), restored_at: restoredParam });
const CURSOR = 'replay';

interface Begin {
  /** Number behind which the page begins. */
  readonly after: number;
  readonly restored_at: number;
}

/** A cursor goes on from where it is, whatever the first page began with. REVISION_GONE where something is not kept. */
async function beginOf(call: Call, { cursor, since_revision, since_timestamp }: Input): Promise<Begin> {
  const { zone_id } = call.zone;
  if (cursor !== undefined) {
    const state = readCursor(CURSOR, cursor, cursorState);
    if (state.zone_id !== zone_id) throw contradicts('zone_id');
    requireSameLog(await requireKept(call, state.after), state);
    return state;
  }
  if (since_revision !== undefined && since_timestamp !== undefined) {
    throw invalidParams({ path: 'since_revision', message: 'is given beside since_timestamp; give one of them' });
  }
  if (since_revision !== undefined) {
    const after = requirePosition(zone_id, since_revision);
    return { ...(await requireThere(call, after)), after };
  }
  if (since_timestamp === undefined) {
    const edge = await edgeOf(call);
    return { ...edge, after: edge.oldest - 1 };
  }
  const after = await lastBefore(call, since_timestamp);
  return { ...(await requireKept(call, after)), after };
}

const filterIn = (given: Input): EventFilter => filterOf({ ...given, operation_type: given.event_types });

export const eventReplay: Operation<Input, Output> = {
  name: 'event.replay',
  tool: 'replay_events',
  summary: 'Give what happened in the zone, oldest first, from a place on: as a page, or as lines up to now.',
  effect: 'read',
  who: { role: 'viewer' },
  heavy: true,
  input,
  output,
  faults: ['INVALID_CURSOR', 'INVALID_PATTERN', 'REVISION_GONE', 'TOO_MANY'],
  http: {
    method: 'GET',
    path: '/api/v2/events/replay',
    present: ({ after, ...page }) => ({ ...page, events: inBody(page.events) }),
    body: eventsBody.extend({ head: z.number() }),
  },
  cli: { words: 'event replay' },
  stream: {
    media: 'application/x-ndjson',
    whenAccepted: true,
    item: eventObject,
    open: (start, streaming, given) => linesFrom(streaming, start, filterIn(given as Input)),
  },
  nowhere: () => ({ events: listOf([]), next_cursor: null, has_more: false, head: 0, after: 0 }),
  run: async (call, given) => {
    const { zone, tx, limits } = call;
    const { zone_id } = zone;
    const { after, restored_at } = await beginOf(call, given);
    const filter = filterIn(given);
    const { rows, next } = await scan(tx, {
      zone_id,
      newestFirst: false,
      from: after + 1,
      to: zone.seq,
      most: Math.min(given.limit, EVENTS_MAX),
      room: PAGE_ROOM,
      filter,
      matches: eventTest(filter, limits),
      sight: await sightOf(call),
    });
    const end = next === undefined ? Math.max(after, zone.seq) : next - 1;
    const next_cursor = writeCursor(CURSOR, { zone_id, after: end, restored_at });
    return { events: listOf(rows), next_cursor, has_more: next !== undefined, head: zone.seq, after };
  },
};

const pieceInput = z.object({ after: z.number(), to: z.number(), filter: eventFilter });
const pieceOutput = z.object({ lines: jsonList, after: z.number() });
type Piece = z.infer<typeof pieceOutput>;

const encoder = new TextEncoder();

/** Some lines, and how far they reach. */
export const eventPiece: Operation<z.infer<typeof pieceInput>, Piece> = {
  name: 'event.piece',
  summary: 'Give a piece of the log as lines.',
  effect: 'read',
  who: { role: 'viewer' },
  internal: true,
  heavy: true,
  input: pieceInput,
  output: pieceOutput,
  faults: ['REVISION_GONE'],
  run: async (call, { after, to, filter }) => {
    await requireKept(call, after);
    const { rows, next } = await scan(call.tx, {
      zone_id: call.zone.zone_id,
      newestFirst: false,
      from: after + 1,
      to,
      most: PIECE_EVENTS,
      room: STEP_ROOM,
      filter,
      matches: eventTest(filter, call.limits),
      sight: await sightOf(call),
    });
    let text = '';
    for (const row of rows) text += `${eventLine(row)}\n`;
    return { lines: encoder.encode(text), after: next === undefined ? to : next - 1 };
  },
};

/** All lines up to the head that the start has seen; the next piece is made while the one before is sent. */
async function* linesFrom(streaming: Streaming, start: Output, filter: EventFilter): AsyncGenerator<Uint8Array> {
  const { head } = start;
  const pieceFrom = (after: number): Promise<Piece> => streaming.run(eventPiece, { after, to: head, filter });
  let coming = start.after < head ? pieceFrom(start.after) : undefined;
  while (coming && !streaming.signal.aborted) {
    const { lines, after }: Piece = await coming;
    coming = after < head ? pieceFrom(after) : undefined;
    // Who has gone meanwhile waits for no piece that fails.
    coming?.catch(() => undefined);
    if (lines.length > 0) yield lines;
  }
}
