/**
 * Does a subject hold a relation or permission on an object, by tuples alone? And who may ask, and grant. Guarantees: an
 * answer about files is the one that enforcement gives; whoever may not ask learns nothing about the object.
 */
import { Fault } from '../../base/faults.ts';
import type { Call, Caller, SubjectId, ZoneRow } from '../../core/operation.ts';
import { isZoneAdmin } from './credentials.ts';
import { isGiven } from './grants.sql.ts';
import { denied } from './grants.ts';
import { givenBy, inherited, type ObjectId } from './relations.ts';

type Where = Pick<ZoneRow, 'zone_id' | 'access_revision'>;
type Thing = Pick<ObjectId, 'type' | 'id'>;

export interface Question {
  readonly zone: Where;
  readonly subject: SubjectId;
  readonly name: string;
  readonly object: Thing;
}

export async function holds(call: Call, question: Question): Promise<boolean> {
  const { zone, subject, name, object } = question;
  const passedDown = object.type === 'file' ? inherited(name) : undefined;
  if (passedDown) return (await call.access.heldBy(zone, subject))[passedDown].has(object.id);
  return isGiven(
    call.tx,
    { zone_id: zone.zone_id, subject_zone_id: zone.zone_id, subjects: [subject], now: call.now },
    { relations: givenBy(name), type: object.type, id: object.id },
  );
}

/** The subjects whose grants the caller has. */
export const subjectsOf = (caller: Caller): SubjectId[] => [
  [caller.subject_type, caller.subject_id],
  ...(caller.inherit_permissions ? [['user', caller.user_id] as const] : []),
];

/** May the caller grant on the object: an admin of its zone, or an owner there? Guests never. */
export async function mayShare(call: Call, object: Thing): Promise<boolean> {
  const { caller, zone } = call;
  if (isZoneAdmin(caller, zone.zone_id)) return true;
  if (caller.zone_id !== zone.zone_id) return false;
  if (object.type === 'file') return call.access.allows('share', object.id);
  const name = object.type === 'group' ? 'direct_owner' : 'owner';
  for (const subject of subjectsOf(caller)) if (await holds(call, { zone, subject, name, object })) return true;
  return false;
}

export async function requireShare(call: Call, object: Thing, index?: number): Promise<void> {
  if (await mayShare(call, object)) return;
  if (object.type === 'file') {
    throw denied({ permission: 'share', path: object.id, ...(index === undefined ? {} : { index }) }, call.context);
  }
  const relation = object.type === 'group' ? 'direct_owner' : 'owner';
  throw new Fault(
    'ACCESS_DENIED',
    `Access denied: share on ${object.type}:${object.id} needs the relation ${relation} on it. Ask an owner or a zone admin.`,
    {
      permission: 'share',
      missing: { relation, object: [object.type, object.id] },
      ...(index === undefined ? {} : { index }),
    },
  );
}

/** Is it the caller itself? */
export const isSelf = (caller: Caller, subject: SubjectId): boolean =>
  subject[0] === caller.subject_type && subject[1] === caller.subject_id;

/** Anyone asks about the own subject; an owner about the object; a zone admin about everything. */
export async function requireAsking(
  call: Call,
  subject: SubjectId | undefined,
  object: Thing | undefined,
): Promise<void> {
  if (isZoneAdmin(call.caller, call.zone.zone_id)) return;
  if (subject && isSelf(call.caller, subject)) return;
  if (object) return requireShare(call, object);
  throw new Fault('ACCESS_DENIED', 'Access denied: other subjects are looked up by a zone admin; name your own', {
    required_role: 'admin',
    role: call.caller.role,
  });
}
