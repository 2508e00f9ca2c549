/**
 * The words of tuples and questions (access.md §7): ids as they are compared, and what a schema knows. Pure. Guarantee: only
 * what is evaluated can be named, so nothing is stored that nobody obeys.
 */
import { invalidParams } from '../../base/faults.ts';
import { cleanPath, type PathLimits, zoneOfPath } from '../../base/paths.ts';
import { isPlainText, NOT_PLAIN } from '../../base/texts.ts';
import type { SubjectText } from './evaluate/closure.ts';
import { EVERY, MEMBER, type Rule, subjectsOfRule } from './schema/rules.ts';
import { askedNames, isAskedName, isStoredName, type Schema, storedNames } from './schema/schema.ts';

export interface ObjectId {
  readonly type: string;
  /** As it is compared. */
  readonly id: string;
  /** As it was given, where that differs. */
  readonly given: string | null;
}

export interface Subject {
  readonly type: string;
  readonly id: string;
  /** Empty for the thing itself; of a group `member`, which says the same; else a set of those who have it. */
  readonly relation: string;
}

const listed = (words: Iterable<string>): string => [...words].join(', ');

const unknown = (at: string, what: string, known: Iterable<string>) =>
  invalidParams({ path: at, message: `${what}; there are ${listed(known)}` });

/** The type, if the schema has it; INVALID_PARAMS lists those that it has. */
export function knownType(schema: Schema, type: string, at: string): string {
  if (schema.types.has(type)) return type;
  throw unknown(at, 'no type', schema.types.keys());
}

/** The name, if a check may ask for it on this type. */
export function askedRelation(schema: Schema, [type, name]: readonly [string, string], at: string): string {
  if (isAskedName(schema, type, name)) return name;
  throw unknown(at, `no relation or permission of ${type}`, askedNames(schema, type));
}

/** A subject by its words, of a question: anybody there can be. */
export function knownSubject(schema: Schema, subject: Subject, at: string): Subject {
  if (subject.type !== EVERY) knownType(schema, subject.type, `${at}.0`);
  if (subject.relation !== '') askedRelation(schema, [subject.type, subject.relation], `${at}.2`);
  return subject;
}

interface Wanted {
  readonly subject: Subject;
  readonly relation: string;
  readonly object: ObjectId;
}

/** INVALID_PARAMS unless a tuple of these words may be stored. `at` is the dotted path of its parameters. */
export function checkStorable(schema: Schema, { subject, relation, object }: Wanted, at: string): void {
  knownType(schema, object.type, `${at}object.0`);
  if (!isStoredName(schema, object.type, relation)) {
    throw unknown(`${at}relation`, `no relation that ${object.type} stores`, storedNames(schema, object.type));
  }
  if (subject.type !== EVERY) knownType(schema, subject.type, `${at}subject.0`);
  const rule = schema.types.get(object.type)?.get(relation);
  if (rule && admits(rule, subject)) return;
  const taken = listed((rule && subjectsOfRule(rule)) ?? []);
  const path = subject.relation === '' || subject.relation === MEMBER ? `${at}subject.0` : `${at}subject.2`;
  throw invalidParams({ path, message: `${relation} of ${object.type} takes no such subject; it takes ${taken}` });
}

/** May tuples of a relation with this rule name the subject? */
export function admits(rule: Rule, subject: Pick<Subject, 'type' | 'relation'>): boolean {
  const taken = subjectsOfRule(rule) ?? [];
  const asGroup = subject.type === 'group' && subject.relation === MEMBER;
  if (subject.relation === '' || asGroup) return taken.includes(subject.type);
  return taken.includes(`${subject.type}#${subject.relation}`);
}

/** May the relation name a subject of another zone? */
export const isShare = (relation: string): boolean => relation.startsWith('shared-');

/** UTF-8 bytes. */
const ID_BYTES_MAX = 4096;

function checkId(id: string, at: string): void {
  const bytes = Buffer.byteLength(id);
  if (bytes < 1 || bytes > ID_BYTES_MAX) {
    throw invalidParams({ path: at, message: `an id has 1 to ${ID_BYTES_MAX} bytes, this one ${bytes}` });
  }
  if (!isPlainText(id)) throw invalidParams({ path: at, message: NOT_PLAIN });
}

/** Where ids of files are understood. */
export interface Place {
  readonly zone_id: string;
  readonly limits: PathLimits;
}

/** The id as it is compared: of a file, the clean path inside the zone. */
function comparedId(type: string, id: string, { place, at }: { place: Place; at: string }): string {
  checkId(id, at);
  if (type !== 'file') return id;
  const clean = cleanPath(id, place.limits);
  const found = zoneOfPath(clean);
  if (found && found.zone_id !== place.zone_id) {
    throw invalidParams({ path: at, message: `lies in another zone than ${place.zone_id}; name that one by zone_id` });
  }
  return found ? found.inside : clean;
}

/** `[type, id]` as it was given. */
export function objectOf(given: readonly string[], place: Place, at: string): ObjectId {
  const [type = '', id = ''] = given;
  if (given.length !== 2) throw invalidParams({ path: at, message: 'an object is [type, id]' });
  const compared = comparedId(type, id, { place, at: `${at}.1` });
  return { type, id: compared, given: compared === id ? null : id };
}

/** `[type, id]` or `[type, id, relation]` as it was given. */
export function subjectOf(given: readonly string[], place: Place, at: string): Subject {
  const [type = '', id = '', relation = ''] = given;
  if (given.length < 2 || given.length > 3) {
    throw invalidParams({ path: at, message: 'a subject is [type, id] or [type, id, relation]' });
  }
  if (type === EVERY && id !== EVERY)
    throw invalidParams({ path: `${at}.1`, message: 'of every type there is only *' });
  if (type === 'group' && id === EVERY) {
    throw invalidParams({ path: `${at}.1`, message: 'a group is named; for everybody name ["*", "*"]' });
  }
  return { type, id: comparedId(type, id, { place, at: `${at}.1` }), relation };
}

/** As the evaluator takes it. */
export const subjectText = ({ type, id, relation }: Subject): SubjectText => [type, id, relation];
