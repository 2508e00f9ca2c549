/**
 * The logs of all zones as one, newest first by time, then by zone (platform.md §3.2), for admins of zone root. Guarantees: a
 * page reads only the zones that have something among what it shows, and looks at no more than 10,000 events in all.
 */
import { z } from 'zod';
import { readCursor, writeCursor } from '../../base/cursor.ts';
import type { Call } from '../../core/operation.ts';
import type { EventRow } from '../events/events.sql.ts';
import { findRestoredAt } from '../events/gaps.sql.ts';
import { findLastEventAt } from '../events/moments.sql.ts';
import { listEvents } from '../events/reading.sql.ts';
import { listNewest } from '../zones/zones.sql.ts';
import { type EventFilter, eventTest } from './filter.ts';
import { requireSameLog, restoredParam } from './positions.ts';
import { SCANNED } from './scan.ts';

/** Rows of one statement. */
const SLICE_ROWS = 200;

/** A place between events: everything that comes behind it in the order of this list. */
const place = z.object({ at: z.number(), zone_id: z.string(), seq: z.number(), restored_at: restoredParam });
type Place = Omit<z.infer<typeof place>, 'restored_at'>;

export interface EveryZone {
  readonly cursor?: string | undefined;
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  readonly most: number;
  /** Of the list. */
  readonly kind: string;
  readonly filter: EventFilter;
}

const cursorKind = ({ kind }: EveryZone): string => `${kind} of all zones`;

export interface EveryPage {
  readonly rows: EventRow[];
  readonly next_cursor: string | null;
  readonly has_more: boolean;
}

/** One zone, and what was read of it ahead. */
interface Source {
  readonly zone_id: string;
  /** Number from which to read on, downwards; undefined until the zone is first looked at. */
  from: number | undefined;
  /** Nothing of it is newer. */
  at: number;
  ahead: EventRow[];
}

const isNewer = (a: Place, b: Place): boolean =>
  a.at !== b.at ? a.at > b.at : a.zone_id !== b.zone_id ? a.zone_id < b.zone_id : a.seq > b.seq;

const placeOf = ({ at, zone_id, ahead, from }: Source): Place => ({
  at: ahead[0]?.at ?? at,
  zone_id,
  seq: ahead[0]?.seq ?? from ?? Number.MAX_SAFE_INTEGER,
});

export async function listEveryZone(call: Call, asked: EveryZone): Promise<EveryPage> {
  const { tx, limits } = call;
  const { since = 0, most, filter } = asked;
  const begin = asked.cursor === undefined ? undefined : readCursor(cursorKind(asked), asked.cursor, place);
  const restored_at = await findRestoredAt(tx);
  if (begin) requireSameLog({ restored_at }, begin);
  const newest = Math.min(begin?.at ?? Number.MAX_SAFE_INTEGER, asked.until ?? Number.MAX_SAFE_INTEGER);
  const matches = eventTest(filter, limits);
  const sources = (await listNewest(tx)).map(
    ({ zone_id, seq_at }): Source => ({ zone_id, from: undefined, at: Math.min(seq_at, newest), ahead: [] }),
  );
  /** The next page begins with this event. */
  const nextBehind = ({ at, zone_id, seq }: EventRow): string =>
    writeCursor(cursorKind(asked), { at, zone_id, seq: seq + 1, restored_at });
  const rows: EventRow[] = [];
  let looked = 0;
  for (;;) {
    const source = newestOf(sources);
    if (!source || placeOf(source).at < since) return { rows, next_cursor: null, has_more: false };
    const [row] = source.ahead;
    if (row) {
      if (rows.length === most || looked >= SCANNED) return { rows, next_cursor: nextBehind(row), has_more: true };
      source.ahead.shift();
      looked++;
      if (matches(row)) rows.push(row);
    } else if (!(await readAhead(call, source, begin))) sources.splice(sources.indexOf(source), 1);
  }
}

const newestOf = (sources: readonly Source[]): Source | undefined =>
  sources.reduce<Source | undefined>(
    (best, source) => (best && !isNewer(placeOf(source), placeOf(best)) ? best : source),
    undefined,
  );

/** False when the zone has nothing more. */
async function readAhead({ tx }: Call, source: Source, begin: Place | undefined): Promise<boolean> {
  const { zone_id } = source;
  source.from ??= await lastOf(tx, source, begin);
  const bounds = { first: 1, last: source.from, newestFirst: true, rows: SLICE_ROWS };
  source.ahead = await listEvents(tx, { zone_id, ...bounds });
  source.from = (source.ahead.at(-1)?.seq ?? 0) - 1;
  return source.ahead.length > 0;
}

/** The newest number of a zone that comes behind where the page begins. */
async function lastOf(tx: Call['tx'], { zone_id, at }: Source, begin: Place | undefined): Promise<number> {
  if (begin && begin.zone_id === zone_id && begin.at === at) return begin.seq - 1;
  const behindAll = begin !== undefined && begin.at === at && zone_id < begin.zone_id;
  return (await findLastEventAt(tx, zone_id, behindAll ? at - 1 : at)) ?? 0;
}
