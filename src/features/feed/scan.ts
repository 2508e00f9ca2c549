/**
 * A part of a zone's log through a filter and the eyes of one caller. Guarantees: what it gives is exactly what looking at
 * every event between where it began and where it ended would give, in order; it looks at no more than 10,000 events
 * (platform.md §3.2), however few of them match.
 */
import type { Tx } from '../../ports/sql.ts';
import type { EventRow } from '../events/events.sql.ts';
import { listEvents } from '../events/reading.sql.ts';
import { type EventFilter, type EventTest, wantsZone } from './filter.ts';
import { type Sight, seen } from './sight.ts';

/** Events that one page looks at. */
export const SCANNED = 10_000;
/** Characters of one page, and of one step of what goes on. */
export const PAGE_ROOM = 8 * 1024 * 1024;
export const STEP_ROOM = 1024 * 1024;
/** Rows of one statement. */
const SLICE_ROWS = 1_000;

export interface Scan {
  readonly zone_id: string;
  readonly newestFirst: boolean;
  /** The first number it looks at; the last one it would look at. */
  readonly from: number;
  readonly to: number;
  /** Events that are wanted. */
  readonly most: number;
  /** Characters of them behind which no more are given. */
  readonly room: number;
  readonly filter: EventFilter;
  /** Made of the filter. */
  readonly matches: EventTest;
  readonly sight: Sight;
}

export interface Scanned {
  readonly rows: EventRow[];
  /** Where to go on: the first number that was not looked at; undefined when it came to its end. */
  readonly next: number | undefined;
}

export async function scan(tx: Tx, asked: Scan): Promise<Scanned> {
  const { newestFirst, to, most } = asked;
  const exact = isExact(asked);
  const step = newestFirst ? -1 : 1;
  const isBefore = (a: number, b: number): boolean => (b - a) * step > 0;
  const window = asked.from + step * (SCANNED - 1);
  const end = isBefore(window, to) ? window : to;
  const rows: EventRow[] = [];
  let at = asked.from;
  let { room } = asked;
  while (!isBefore(end, at)) {
    // One more than is wanted tells whether there is more.
    const slice = await sliceOf(tx, asked, {
      at,
      end,
      rows: exact ? Math.min(SLICE_ROWS, most - rows.length + 1) : SLICE_ROWS,
    });
    for (const row of slice.found) {
      const told = seen(row, asked.sight);
      if (!told || !asked.matches(told)) continue;
      if (rows.length === most || room <= 0) return { rows, next: row.seq };
      rows.push(told);
      room -= told.data.length;
    }
    const last = slice.found.at(-1);
    if (slice.full && last) at = last.seq + step;
    else break;
  }
  return { rows, next: isBefore(end, to) ? end + step : undefined };
}

/** The database leaves out all that is not wanted. */
const isExact = ({ sight, filter }: Scan): boolean =>
  sight.all && filter.path_prefix === null && filter.path_pattern === null && !wantsZone(filter);

interface Slice {
  readonly at: number;
  readonly end: number;
  readonly rows: number;
}

async function sliceOf(
  tx: Tx,
  { zone_id, newestFirst, filter }: Scan,
  { at, end, rows }: Slice,
): Promise<{ found: EventRow[]; full: boolean }> {
  const first = Math.min(at, end);
  const last = Math.max(at, end);
  const found = await listEvents(tx, { ...filter, zone_id, first, last, newestFirst, rows });
  return { found, full: found.length === rows };
}
