/**
 * Does a subject hold a relation or permission on an object, by tuples alone? And who may ask, and grant. Guarantees: an
 * answer about files is the one that enforcement gives; whoever may not ask learns nothing about the object.
 */
import { Fault } from '../../base/faults.ts';
import type { Call, Caller, ZoneRow } from '../../core/operation.ts';
import type { Context } from './conditions/conditions.ts';
import { isZoneAdmin } from './credentials.ts';
import type { SubjectText } from './evaluate/closure.ts';
import { holdsName, placeOf } from './evaluate/evaluator.ts';
import { type Asked, askAbout, askAboutCaller, askingOf, contextOf, denied } from './grants.ts';
import { explain } from './proof/explain.ts';
import type { DeniedProof, GrantedNode } from './proof/proof.ts';
import type { ObjectId, Subject } from './relations.ts';
import type { Schema } from './schema/schema.ts';

type Where = Pick<ZoneRow, 'zone_id' | 'access_revision'>;
type Thing = Pick<ObjectId, 'type' | 'id'>;

/** The schema of a zone, as the call has it; at once where it is known. */
export function schemaOf(call: Call, zone: Where = call.zone): Schema | Promise<Schema> {
  const { tx, cache } = askingOf(call.access);
  return cache.graphs.schemaAt(tx, zone);
}

export interface AboutSubject {
  readonly zone: Where;
  readonly subject: SubjectText;
  /** What a check passes beside the context of the call. */
  readonly context?: Context | undefined;
}

/** Everything at hand to decide about a subject of a zone; ask at once. */
export function askAboutSubject(call: Call, { zone, subject, context }: AboutSubject): Asked | Promise<Asked> {
  const asking = askingOf(call.access);
  return askAbout(asking, {
    zone,
    home: zone,
    subjects: [subject],
    context: () => ({ ...contextOf(asking), ...context }),
  });
}

export interface Question extends AboutSubject {
  readonly name: string;
  readonly object: Thing;
}

/** At once where no row has to be read. */
export function holds(call: Call, question: Question): boolean | Promise<boolean> {
  const { name, object } = question;
  const answer = (asked: Asked): boolean => {
    const held = holdsName(asked, name, placeOf(asked.graph, object.type, object.id));
    return askingOf(call.access).cache.decided(held, asked.cached);
  };
  const asked = askAboutSubject(call, question);
  return asked instanceof Promise ? asked.then(answer) : answer(asked);
}

/** The name that lets grant on an object. */
const sharingOf = (object: Thing): string => (object.type === 'group' ? 'direct_owner' : 'share');

/** The relation whose lack is told where that is missing. */
const owningOf = ({ type }: Thing): string => (type === 'group' ? 'direct_owner' : 'owner');

/** May the caller grant on the object: an admin of its zone, or an owner there? Guests never. */
export async function mayShare(call: Call, object: Thing): Promise<boolean> {
  const { caller, zone } = call;
  if (isZoneAdmin(caller, zone.zone_id)) return true;
  if (caller.zone_id !== zone.zone_id) return false;
  if (object.type === 'file') return call.access.allows('share', object.id);
  const asked = await askAboutCaller(askingOf(call.access));
  return holdsName(asked, sharingOf(object), placeOf(asked.graph, object.type, object.id));
}

export async function requireShare(call: Call, object: Thing, index?: number): Promise<void> {
  if (await mayShare(call, object)) return;
  const at = index === undefined ? {} : { index };
  if (object.type === 'file') throw denied({ permission: 'share', path: object.id, ...at }, call.context);
  const tried = await triedOf(call, object);
  const relation = tried ? 'share' : owningOf(object);
  const what = `${object.type}:${object.id}`;
  const why = tried
    ? `you own ${what}, but its type takes more to grant on it; data.tried tells what was looked at. Ask a zone admin.`
    : `share on ${what} needs the relation ${relation} on it. Ask an owner or a zone admin.`;
  const missing = { relation, object: [object.type, object.id] };
  throw new Fault('ACCESS_DENIED', `Access denied: ${why}`, {
    permission: 'share',
    missing,
    ...(tried ? { tried } : {}),
    ...at,
  });
}

/**
 * An owner who may not grant is told why: a type that a zone adds can take more for that than being an owner (access.md
 * §9). Of files and groups owners are never denied, and zone admins are denied nothing.
 */
async function triedOf(call: Call, { type, id }: Thing): Promise<DeniedProof | GrantedNode | undefined> {
  const { caller, zone } = call;
  if (caller.zone_id !== zone.zone_id) return undefined;
  const subject = [caller.subject_type, caller.subject_id] as const;
  const asked = await askAboutSubject(call, { zone, subject });
  if (!holdsName(asked, 'owner', placeOf(asked.graph, type, id))) return undefined;
  return explain(asked, { subject, name: sharingOf({ type, id }), object: { type, id } }).whole;
}

/** Is it the caller itself? */
export const isSelf = (caller: Caller, subject: Pick<Subject, 'type' | 'id' | 'relation'>): boolean =>
  subject.type === caller.subject_type && subject.id === caller.subject_id && subject.relation === '';

/** Anyone asks about the own subject; an owner about the object; a zone admin about everything. */
export function requireAsking(
  call: Call,
  subject: Subject | undefined,
  object: Thing | undefined,
): Promise<void> | undefined {
  if (isZoneAdmin(call.caller, call.zone.zone_id)) return undefined;
  if (subject && isSelf(call.caller, subject)) return undefined;
  if (object) return requireShare(call, object);
  const { subject_type, subject_id, role } = call.caller;
  const own = JSON.stringify([subject_type, subject_id]);
  throw new Fault(
    'ACCESS_DENIED',
    `Access denied: all subjects are for a zone admin to look up; name your own, ${own}, or an object that you own`,
    { required_role: 'admin', role },
  );
}

/** Another address than the caller's own is given by those who may ask about others (access.md §7). */
export function requireContext(call: Call, context: Context | undefined, object: Thing): Promise<void> | undefined {
  const own = context === undefined || !Object.hasOwn(context, 'ip') || context.ip === call.context.address;
  return own ? undefined : requireOwner(call, object);
}

async function requireOwner(call: Call, object: Thing): Promise<void> {
  if (await mayShare(call, object)) return;
  const why = 'with another context.ip than your own only owners of the object and zone admins ask. Leave it out.';
  const missing = { relation: owningOf(object), object: [object.type, object.id] };
  throw new Fault('ACCESS_DENIED', `Access denied: ${why}`, { permission: 'share', missing });
}
