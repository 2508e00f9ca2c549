/**
 * What the audit log says of a call (access.md §13), and the log as a call and a door see it. Guarantees: a row is one line
 * of JSON, the same on every engine, since its texts hold nothing that an engine would keep otherwise; none is longer than
 * a few kilobytes, whoever made it up, but for decisions of governance, which tell up to a thousand hits.
 */

import { parseJson } from '../../base/parse-json.ts';
import { isPlainText } from '../../base/texts.ts';
import { foreignZoneOf, subjectText } from './doer.ts';

/** Newest first. */
export type AuditKeys = readonly [string, ...string[]];

export type AuditOutcome = 'allowed' | 'denied' | 'failed';

/** A row but for its zone, its number there and its hash. */
export interface AuditRow {
  readonly at: number;
  readonly actor: string;
  readonly subject_type: string;
  readonly subject_id: string;
  readonly key_id: string | null;
  readonly agent_id: string | null;
  readonly action: string;
  readonly effect: string;
  readonly object: string;
  readonly outcome: AuditOutcome;
  readonly code: string | null;
  readonly channel: string;
  readonly session_id: string | null;
  readonly call_id: string;
  readonly ip: string | null;
  readonly duration_ms: number;
  /** JSON. */
  readonly details: string;
}

/** The columns of a row, in the order in which they are stored, hashed and told. */
export const AUDIT_COLUMNS = [
  'at',
  'actor',
  'subject_type',
  'subject_id',
  'key_id',
  'agent_id',
  'action',
  'effect',
  'object',
  'outcome',
  'code',
  'channel',
  'session_id',
  'call_id',
  'ip',
  'duration_ms',
  'details',
] as const satisfies readonly (keyof AuditRow)[];

type Value = string | number | null;

/** By the order of {@link AUDIT_COLUMNS}; written out, as each write and each read makes one. */
export const auditValues = (row: AuditRow): Value[] => [
  row.at,
  row.actor,
  row.subject_type,
  row.subject_id,
  row.key_id,
  row.agent_id,
  row.action,
  row.effect,
  row.object,
  row.outcome,
  row.code,
  row.channel,
  row.session_id,
  row.call_id,
  row.ip,
  row.duration_ms,
  row.details,
];

/** The line of a row: a JSON array of its values. */
export const auditLine = (row: AuditRow): string => lineOf(auditValues(row));
export const lineOf = (values: readonly Value[]): string => JSON.stringify(values);

/** The row of a line that {@link auditLine} made; undefined where it is none, so that somebody has changed it. */
export function rowOfLine(line: string): AuditRow | undefined {
  try {
    const values: unknown = parseJson(line);
    if (!Array.isArray(values) || values.length !== AUDIT_COLUMNS.length) return undefined;
    return Object.fromEntries(AUDIT_COLUMNS.map((column, i) => [column, values[i]])) as unknown as AuditRow;
  } catch {
    return undefined;
  }
}

/** Characters of a text that a row keeps: as many as a path may have bytes. */
const TEXT_MAX = 4096;

/** A text that every engine gives back as it was. */
const kept = (text: string): string => {
  const short = text.length > TEXT_MAX ? text.slice(0, TEXT_MAX) : text;
  return isPlainText(short) ? short : short.toWellFormed().replaceAll('\u0000', '\ufffd');
};

/** What a row says beside who called. */
export interface AuditFacts {
  /** The zone in whose log it stands, where that may be another than the caller's. */
  readonly zone_id?: string;
  readonly at: number;
  readonly action: string;
  readonly effect: string;
  readonly object: string;
  readonly outcome: AuditOutcome;
  readonly code: string | null;
  readonly duration_ms: number;
  readonly details: Readonly<Record<string, unknown>>;
}

/** Who called, and from which zone. */
type Who = Pick<AuditRow, 'subject_type' | 'subject_id' | 'key_id' | 'agent_id'> & { readonly zone_id?: string };

/** How the call came in. */
interface Way {
  readonly channel: string;
  readonly request_id: string;
  readonly address: string | null;
}

export function auditRow(facts: AuditFacts, who: Who, way: Way): AuditRow {
  const { subject_type, subject_id } = who;
  const subject_zone_id = facts.zone_id === undefined ? undefined : foreignZoneOf(who, facts.zone_id);
  return {
    at: facts.at,
    actor: subject_id === '' ? subject_type : subjectText(who),
    subject_type,
    subject_id,
    key_id: who.key_id,
    agent_id: who.agent_id,
    action: facts.action,
    effect: facts.effect,
    object: kept(facts.object),
    outcome: facts.outcome,
    code: facts.code,
    channel: way.channel,
    session_id: null,
    call_id: way.request_id,
    ip: way.address,
    duration_ms: facts.duration_ms,
    // Left out where it is undefined.
    details: JSON.stringify({ ...facts.details, subject_zone_id }),
  };
}

/** The log as those see it who have something to tell beside a change, which tells of itself in its transaction. */
export interface AuditLog {
  /** Milliseconds since the epoch. */
  now(): number;
  /** A refusal; resolves once it can be answered. */
  refused(zone_id: string, row: AuditRow): Promise<void>;
  /** A call that changed nothing; a promise where its answer has to wait. */
  ended(zone_id: string, row: AuditRow): Promise<void> | undefined;
  /** Writes out all that was told before, here, and in a zone that is named on every node. */
  settle(zone_id?: string): Promise<void>;
}
