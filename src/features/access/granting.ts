/**
 * Changes of tuples inside the transaction of a call. Guarantees: a fact is stored once; each change emits one event,
 * counts in the zone's usage, and ends every decision that was cached before it; the audit row can say what was changed.
 */

import { isoTime } from '../../base/clock.ts';
import { writeCursor } from '../../base/cursor.ts';
import { cut } from '../../base/cut.ts';
import { invalidParams } from '../../base/faults.ts';
import { isZoneId } from '../../base/ids.ts';
import type { Call } from '../../core/operation.ts';
import type { Conditions } from './conditions/conditions.ts';
import { tellEnds } from './graph/changes.sql.ts';
import { isShare, type ObjectId, type Subject } from './relations.ts';
import { deleteTuple, findFact, insertTuple, setTerms, type TupleRow } from './tuple-rows.sql.ts';

/** A tuple that is to be. */
export interface Grant {
  /** Used if the fact is new. */
  readonly tuple_id: string;
  readonly subject: Subject;
  readonly subject_zone_id: string;
  readonly relation: string;
  readonly object: ObjectId;
  /** Milliseconds; undefined where the call does not say. */
  readonly expires_at: number | undefined;
  readonly conditions: Conditions | undefined;
}

/** Zone of the subject: only a share may name another than its own (access.md §8). */
export function subjectZone(
  given: string | undefined,
  own: string,
  { relation, at }: { relation: string; at: string },
) {
  if (given === undefined || given === own) return own;
  if (!isShare(relation)) {
    throw invalidParams({ path: at, message: 'only shared-viewer, shared-editor and shared-owner reach other zones' });
  }
  if (!isZoneId(given)) throw invalidParams({ path: at, message: 'is no zone id' });
  return given;
}

/** Revision that a change of tuples in this call gives them. */
export const changedRevision = (call: Call): number => call.zone.access_revision + 1;

/** Zone and revision, opaque to clients (access.md §11). */
export const consistencyToken = (call: Call, revision: number): string =>
  writeCursor('revision', { zone_id: call.zone.zone_id, revision });

export interface Granted {
  readonly tuple_id: string;
  readonly created: boolean;
  /** Access revision after the call. */
  readonly revision: number;
  /** As it is now; undefined where it was so before. */
  readonly changed: TupleRow | undefined;
}

/** The same fact keeps its id; an expiry and conditions that are given replace those it had. */
export async function grant(call: Call, wanted: Grant): Promise<Granted> {
  const { subject, object, relation, subject_zone_id } = wanted;
  const fact = {
    zone_id: call.zone.zone_id,
    subject_zone_id,
    subject_type: subject.type,
    subject_id: subject.id,
    subject_relation: subject.relation,
    relation,
    object_type: object.type,
    object_id: object.id,
  };
  const revision = changedRevision(call);
  const before = await findFact(call.tx, fact);
  if (before) return regrant(call, before, wanted);
  const row: TupleRow = {
    ...fact,
    tuple_id: wanted.tuple_id,
    object_given: object.given,
    expires_at: wanted.expires_at ?? null,
    conditions: textOf(wanted.conditions) ?? null,
    created_at: call.now,
    created_by: call.caller.user_id,
    revision,
  };
  call.use('tuples', 1);
  await insertTuple(call.tx, row);
  tell(call, 'grant', row);
  return { tuple_id: row.tuple_id, created: true, revision, changed: row };
}

const textOf = (conditions: Conditions | undefined): string | undefined => conditions && JSON.stringify(conditions);

async function regrant(call: Call, before: TupleRow, wanted: Grant): Promise<Granted> {
  const ended = before.expires_at !== null && before.expires_at <= call.now;
  // One that had ended is granted anew, and only for as long as is said now.
  const expires_at = wanted.expires_at ?? (ended ? null : before.expires_at);
  const conditions = textOf(wanted.conditions) ?? before.conditions;
  const { tuple_id } = before;
  if (expires_at === before.expires_at && conditions === before.conditions)
    return { tuple_id, created: false, revision: call.zone.access_revision, changed: undefined };
  const revision = changedRevision(call);
  await setTerms(call.tx, tuple_id, { expires_at, conditions, revision });
  const changed = { ...before, expires_at, conditions, revision };
  tell(call, 'grant', changed);
  return { tuple_id, created: false, revision, changed };
}

export async function revoke(call: Call, ...rows: readonly TupleRow[]): Promise<void> {
  for (const row of rows) {
    await deleteTuple(call.tx, row.tuple_id);
    tell(call, 'revoke', row);
  }
  call.use('tuples', -rows.length);
  await tellEnds(call.tx, { zone_id: call.zone.zone_id, revision: changedRevision(call) }, rows);
}

function tell(call: Call, type: 'grant' | 'revoke', row: TupleRow): void {
  const { object_type, object_id } = row;
  call.event({
    type,
    ...(object_type === 'file' ? { path: object_id } : {}),
    object: { type: object_type, id: object_id },
    data: factOf(row),
  });
  call.accessChanged();
}

function factOf(row: TupleRow) {
  const { tuple_id, relation, subject_zone_id } = row;
  const subject = [row.subject_type, row.subject_id, ...(row.subject_relation === '' ? [] : [row.subject_relation])];
  return { tuple_id, subject, relation, ...(subject_zone_id === row.zone_id ? {} : { subject_zone_id }) };
}

interface Changed {
  readonly granted?: readonly (TupleRow | undefined)[];
  readonly revoked?: readonly TupleRow[];
}

/** Characters that the granted and the revoked facts of an audit row take; the first of each is told in any case. */
const FACTS_CHARS = 2_000;
/** Characters of an id there. */
const ID_CHARS = 1_000;

/** Has the audit row of the call say what it granted and revoked; of many, the first, and how many there were. */
export function auditFacts(call: Call, { granted = [], revoked = [] }: Changed): void {
  const given = granted.filter((row) => row !== undefined);
  if (given.length + revoked.length === 0) return;
  call.audit({
    ...(revoked.length > 0 ? { revoked: firstOf(revoked) } : {}),
    ...(given.length > 0 ? { granted: firstOf(given) } : {}),
    changes: revoked.length + given.length,
  });
}

function firstOf(rows: readonly TupleRow[]): object[] {
  const facts: object[] = [];
  let left = FACTS_CHARS;
  for (const row of rows) {
    const { subject, ...told } = factOf(row);
    const fact = {
      ...told,
      subject: subject.map((text) => cut(text, ID_CHARS)),
      object: [row.object_type, cut(row.object_id, ID_CHARS)],
      ...(row.expires_at === null ? {} : { expires_at: isoTime(row.expires_at) }),
      ...(row.conditions === null ? {} : { conditional: true }),
    };
    left -= JSON.stringify(fact).length;
    if (left < 0 && facts.length > 0) break;
    facts.push(fact);
  }
  return facts;
}
