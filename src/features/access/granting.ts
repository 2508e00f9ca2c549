/**
 * Changes of tuples inside the transaction of a call. Guarantees: a fact is stored once; each change emits one event,
 * counts in the zone's usage, and ends every decision that was cached before it.
 */

import { writeCursor } from '../../base/cursor.ts';
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
  return { tuple_id: row.tuple_id, created: true, revision };
}

const textOf = (conditions: Conditions | undefined): string | undefined => conditions && JSON.stringify(conditions);

async function regrant(call: Call, before: TupleRow, wanted: Grant): Promise<Granted> {
  const ended = before.expires_at !== null && before.expires_at <= call.now;
  // One that had ended is granted anew, and only for as long as is said now.
  const expires_at = wanted.expires_at ?? (ended ? null : before.expires_at);
  const conditions = textOf(wanted.conditions) ?? before.conditions;
  const { tuple_id } = before;
  if (expires_at === before.expires_at && conditions === before.conditions)
    return { tuple_id, created: false, revision: call.zone.access_revision };
  const revision = changedRevision(call);
  await setTerms(call.tx, tuple_id, { expires_at, conditions, revision });
  tell(call, 'grant', { ...before, expires_at, conditions });
  return { tuple_id, created: false, revision };
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
  const { tuple_id, relation, object_type, object_id, subject_zone_id } = row;
  const subject = [row.subject_type, row.subject_id, ...(row.subject_relation === '' ? [] : [row.subject_relation])];
  call.event({
    type,
    ...(object_type === 'file' ? { path: object_id } : {}),
    object: { type: object_type, id: object_id },
    data: { tuple_id, subject, relation, ...(subject_zone_id === row.zone_id ? {} : { subject_zone_id }) },
  });
  call.accessChanged();
}
