/**
 * Who sees which event (platform.md §3.1). Guarantees: an admin of the zone sees everything of it; everybody else file
 * events at paths that he may read when the event is delivered, and what his own subject did with agents, messages,
 * jobs and applications; of a rename, a side that may not be read is not told, nor is the source of a copy.
 */
import { isFileType, isOfSubject } from '../../base/event-types.ts';
import { parseJson } from '../../base/parse-json.ts';
import type { PathSet } from '../../core/call/access.ts';
import type { Call, Caller } from '../../core/operation.ts';
import { isZoneAdmin } from '../access/credentials.ts';
import { type EventRow, subjectOfEvent, userZoneOf } from '../events/events.sql.ts';

/** What one caller sees of one zone, as a transaction has it. */
export interface Sight {
  /** Everything. */
  readonly all: boolean;
  readonly caller: Pick<Caller, 'subject_type' | 'subject_id' | 'user_id' | 'zone_id'>;
  readonly readable: Pick<PathSet, 'has'>;
}

export async function sightOf(call: Call): Promise<Sight> {
  const { caller, access } = call;
  return { all: isZoneAdmin(caller, call.zone.zone_id), caller, readable: await access.readable() };
}

/** The event as it may be told; undefined where it may not. */
export function seen(row: EventRow, sight: Sight): EventRow | undefined {
  if (sight.all) return row;
  if (isFileType(row.type)) return seenFile(row, sight.readable);
  return isOfSubject(row.type) && isOwn(row, sight.caller) ? row : undefined;
}

/** To an agent what was done by it or for it; to a user all that is told of him, by his agents too. */
function isOwn(row: EventRow, { zone_id, subject_type, subject_id, user_id }: Sight['caller']): boolean {
  if (userZoneOf(row) !== zone_id) return false;
  if (subject_type === 'agent') return row.agent_id === subject_id;
  if (subject_type === 'user' && subject_id === user_id) return row.user_id === user_id;
  // The user of a key grants it nothing (access.md §2), so it sees nothing else that is told of him.
  return row.user_id === user_id && subjectOfEvent(row) === `${subject_type}:${subject_id}`;
}

function seenFile(row: EventRow, readable: Sight['readable']): EventRow | undefined {
  const here = readable.has(row.path);
  if (row.old_path === null) return here ? withoutHidden(row, readable) : undefined;
  const before = readable.has(row.old_path);
  if (here && before) return row;
  if (here) return { ...row, old_path: null };
  return before ? { ...row, path: row.old_path, old_path: null } : undefined;
}

/** A copy names where its content came from. */
function withoutHidden(row: EventRow, readable: Sight['readable']): EventRow {
  if (!row.data.includes('"source"')) return row;
  const { source, ...data } = parseJson(row.data) as { source?: unknown };
  return typeof source !== 'string' || readable.has(source) ? row : { ...row, data: JSON.stringify(data) };
}
