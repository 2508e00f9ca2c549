/**
 * What a client wants of the log (platform.md §3.2): types, who did it, where. Plain data, which crosses threads, and the
 * test made of it. Guarantees: conditions combine with and; a change of a whole subtree matches every place that could
 * lie below it; a rename matches by either side that its reader may see.
 */
import { z } from 'zod';
import { typeOf } from '../../base/event-types.ts';
import { parseJson } from '../../base/parse-json.ts';
import { isBelow } from '../../base/paths.ts';
import { plainText } from '../../base/texts.ts';
import { type EventRow, userZoneOf } from '../events/events.sql.ts';
import { PLAIN_COLUMNS } from '../events/reading.sql.ts';
import { compileGlob } from '../files/search/glob.ts';
import type { GlobLimits } from '../files/search/pattern.ts';

export const eventFilter = z.object({
  /** null: all. */
  types: z.array(z.string()).nullable(),
  agent_id: z.string().nullable(),
  /** Of the zone of the log, unless another is named. */
  user_id: z.string().nullable(),
  /** Where who did it is at home. */
  user_zone_id: z.string().nullable(),
  request_id: z.string().nullable(),
  object_type: z.string().nullable(),
  object_id: z.string().nullable(),
  path_prefix: z.string().nullable(),
  path_pattern: z.string().nullable(),
});
export type EventFilter = z.infer<typeof eventFilter>;

export const ALL_EVENTS: EventFilter = {
  types: null,
  agent_id: null,
  user_id: null,
  user_zone_id: null,
  request_id: null,
  object_type: null,
  object_id: null,
  path_prefix: null,
  path_pattern: null,
};

/** Types by any of their words, as a parameter. */
export const typesParam = z
  .array(z.string())
  .min(1)
  .max(100)
  .refine((words) => words.every((word) => typeOf(word) !== undefined), 'has to be types of events')
  .transform((words) => words.map((word) => typeOf(word) ?? word))
  .optional();
export const agentParam = plainText.optional().describe('agent that the call was made for');
/** By which a job and what it changed are found from each other. */
export const originParams = {
  request_id: plainText.optional().describe('request that it came of; what a job does has that of its submit'),
  object_type: plainText.optional().describe('kind of what it is about'),
  object_id: plainText.optional().describe('what it is about, as a job'),
};
export const patternParam = plainText.optional().describe('glob over absolute paths');

/** Does an event match, as its reader sees it? */
export type EventTest = (row: EventRow) => boolean;

/** INVALID_PATTERN for a glob that cannot be used. */
export function eventTest(filter: EventFilter, limits: GlobLimits): EventTest {
  const { types, user_zone_id, path_prefix, path_pattern } = filter;
  const wanted = types && new Set(types);
  const places: PlaceTest[] = [];
  if (path_prefix !== null) places.push(beginsWith(path_prefix));
  if (path_pattern !== null) places.push(matchesGlob(path_pattern, limits));
  return (row) => {
    if (wanted && !wanted.has(row.type)) return false;
    if (PLAIN_COLUMNS.some((column) => filter[column] !== null && row[column] !== filter[column])) return false;
    if (wantsZone(filter) && userZoneOf(row) !== (user_zone_id ?? row.zone_id)) return false;
    return places.every((place) => isThere(row, place));
  };
}

/** "`user:a` of two zones are two people" (access.md §8). */
export const wantsZone = ({ user_id, user_zone_id }: Pick<EventFilter, 'user_id' | 'user_zone_id'>): boolean =>
  user_id !== null || user_zone_id !== null;

/** Does it hold at a path, or may it hold at one below? */
interface PlaceTest {
  at(path: string): boolean;
  below(path: string): boolean;
}

const beginsWith = (prefix: string): PlaceTest => ({
  at: (path) => path.startsWith(prefix),
  below: (path) => isBelow(prefix, path),
});

function matchesGlob(pattern: string, limits: GlobLimits): PlaceTest {
  const glob = compileGlob(pattern, '/', limits);
  return { at: (path) => glob.test(path), below: (path) => glob.mayContain(path) };
}

function isThere(row: EventRow, place: PlaceTest): boolean {
  const sides = row.old_path === null ? [row.path] : [row.path, row.old_path];
  const subtree = isSubtree(row);
  return sides.some((side) => side !== '' && (place.at(side) || (subtree && place.below(side))));
}

/** Is everything below its path a part of the change? */
const isSubtree = ({ data }: EventRow): boolean =>
  data.includes('"subtree"') && (parseJson(data) as { subtree?: unknown }).subtree === true;
