/** Rows of the audit log as they are told (access.md §13), and what a list is filtered by. */
import { z } from 'zod';
import { isoTime } from '../../base/clock.ts';
import { parseJson } from '../../base/parse-json.ts';
import { AUDIT_COLUMNS, type AuditRow } from '../../core/call/audit-row.ts';
import type { LogName } from './chain.ts';

export const auditEntry = z.object({
  id: z.string(),
  at: z.string(),
  zone_id: z.string(),
  tenant_id: z.string(),
  actor: z.string(),
  subject_type: z.string(),
  subject_id: z.string(),
  key_id: z.string().nullable(),
  agent_id: z.string().nullable(),
  action: z.string(),
  effect: z.string(),
  object: z.string(),
  outcome: z.enum(['allowed', 'denied', 'failed']),
  code: z.string().nullable(),
  channel: z.string(),
  session_id: z.string().nullable(),
  call_id: z.string(),
  ip: z.string().nullable(),
  duration_ms: z.number(),
  details: z.record(z.string(), z.unknown()),
});
export type AuditEntry = z.infer<typeof auditEntry>;

/** A row and where it stands. */
export interface Found {
  readonly log: LogName;
  readonly n: number;
  readonly row: AuditRow;
}

/** Unique in all zones: zone, log and number. */
export const entryId = (zone_id: string, { log, n }: Pick<Found, 'log' | 'n'>): string =>
  `${zone_id}:${log === 'reads' ? 'r' : ''}${n}`;

export function toEntry(zone_id: string, found: Found): AuditEntry {
  const { at, details, ...row } = found.row;
  return {
    id: entryId(zone_id, found),
    at: isoTime(at),
    zone_id,
    tenant_id: zone_id,
    ...row,
    details: detailsOf(details),
  };
}

/** What somebody made unreadable is told as the text that it is. */
function detailsOf(text: string): Record<string, unknown> {
  try {
    return parseJson(text);
  } catch {
    return { text };
  }
}

export interface AuditFilter {
  /** Of the zone of the log, unless another is named. */
  readonly actor?: string | undefined;
  /** Where who did it is at home. */
  readonly subject_zone_id?: string | undefined;
  readonly action?: string | undefined;
  readonly outcome?: string | undefined;
  readonly channel?: string | undefined;
  /** What the object begins with. */
  readonly object?: string | undefined;
  /** Milliseconds: from this one on. */
  readonly since?: number | undefined;
  /** Up to, not including. */
  readonly until?: number | undefined;
}

/** Parts of a filter that a column has to equal. */
export const EQUAL = ['actor', 'action', 'outcome', 'channel'] as const satisfies readonly (keyof AuditFilter)[];

/** "`user:a` of two zones are two people" (access.md §8). */
const isOfZone = ({ details }: AuditRow, wanted: string, here: string): boolean =>
  (detailsOf(details).subject_zone_id ?? here) === wanted;

/** `here`: the zone of the log. */
export function isWanted(row: AuditRow, filter: AuditFilter, here: string): boolean {
  const { subject_zone_id = filter.actor === undefined ? undefined : here } = filter;
  return isFound(row, filter) && (subject_zone_id === undefined || isOfZone(row, subject_zone_id, here));
}

const isFound = (row: AuditRow, filter: AuditFilter): boolean =>
  EQUAL.every((name) => filter[name] === undefined || filter[name] === row[name]) &&
  (filter.object === undefined || row.object.startsWith(filter.object)) &&
  (filter.since === undefined || row.at >= filter.since) &&
  (filter.until === undefined || row.at < filter.until);

const CSV_COLUMNS = ['id', 'at', 'zone_id', 'tenant_id', ...AUDIT_COLUMNS.filter((name) => name !== 'at')] as const;

export const jsonLines = (entries: readonly AuditEntry[]): string =>
  entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');

/** RFC 4180, with a head line where one is wanted. */
export function csv(entries: readonly AuditEntry[], head: boolean): string {
  const lines = entries.map((entry) => CSV_COLUMNS.map((name) => csvCell(entry[name])).join(','));
  return [...(head ? [CSV_COLUMNS.join(',')] : []), ...lines].map((line) => `${line}\r\n`).join('');
}

/** What a spreadsheet takes for a formula at the beginning of a cell; an apostrophe before it makes it a text. */
const FORMULA = /^[=+\-@\t\r\n|%]/;

function csvCell(value: unknown): string {
  if (typeof value === 'number') return String(value);
  const text = value === null || value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value);
  return `"${(FORMULA.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
}
