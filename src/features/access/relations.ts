/**
 * The model of relations (access.md §7): which types, relations and permissions there are, and what gives what. Pure.
 * Guarantees: only what is enforced can be named, so nothing is stored that nobody obeys.
 */
import { invalidParams } from '../../base/faults.ts';
import { cleanPath, type PathLimits, zoneOfPath } from '../../base/paths.ts';
import { isPlainText, NOT_PLAIN } from '../../base/texts.ts';
import type { SubjectId } from '../../core/operation.ts';

/** Types of objects and subjects. */
export const TYPES = [
  'user',
  'agent',
  'app',
  'worker',
  'group',
  'file',
  'zone',
  'workflow',
  'executor',
  'sandbox',
  'document',
] as const;

/** Stands for every type, or every id of a type. */
export const EVERY = '*';
export const MEMBER = 'member';

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
  /** Empty, or `member` of a group, which says the same. */
  readonly relation: string;
}

const OWNER = ['direct_owner', 'shared-owner'];
const EDITOR = [...OWNER, 'direct_editor', 'shared-editor'];
const VIEWER = [...EDITOR, 'direct_viewer', 'shared-viewer'];

/** What each computed name and permission holds for, as stored relations on the object itself. */
const GIVEN_BY: Readonly<Record<string, readonly string[]>> = {
  owner: OWNER,
  editor: EDITOR,
  viewer: VIEWER,
  read: VIEWER,
  write: EDITOR,
  execute: OWNER,
  share: OWNER,
};

/** The computed name that a permission stands for; itself for a name. */
const NAME_OF: Readonly<Record<string, 'owner' | 'editor' | 'viewer'>> = {
  owner: 'owner',
  editor: 'editor',
  viewer: 'viewer',
  read: 'viewer',
  write: 'editor',
  execute: 'owner',
  share: 'owner',
};

const GROUP_STORED = [MEMBER, 'direct_owner'];
const storedOn = (type: string): readonly string[] => (type === 'group' ? GROUP_STORED : VIEWER);

/** Relations that a check may ask for on a type, stored ones included. */
const askable = (type: string): readonly string[] =>
  type === 'group' ? GROUP_STORED : [...Object.keys(GIVEN_BY), ...VIEWER];

const listed = (words: readonly string[]): string => words.join(', ');

/** The relation, if it may be stored on this type; INVALID_PARAMS lists those that may. */
export function storedRelation(type: string, relation: string, at: string): string {
  const known = storedOn(type);
  if (known.includes(relation)) return relation;
  throw invalidParams({ path: at, message: `no relation that ${type} stores; there are ${listed(known)}` });
}

/** The name, if a check may ask for it on this type. */
export function askedRelation(type: string, name: string, at: string): string {
  const known = askable(type);
  if (known.includes(name)) return name;
  throw invalidParams({ path: at, message: `no relation or permission of ${type}; there are ${listed(known)}` });
}

/** Stored relations any of which, on the object, gives the name. */
export const givenBy = (name: string): readonly string[] => GIVEN_BY[name] ?? [name];

/** Is it a name or permission, which several stored relations give? */
export const isComputed = (name: string): boolean => name in GIVEN_BY;

/** viewer, editor or owner for a name that folders pass down; undefined for a stored relation. */
export const inherited = (name: string): 'owner' | 'editor' | 'viewer' | undefined => NAME_OF[name];

/** May the relation name a subject of another zone? */
export const isShare = (relation: string): boolean => relation.startsWith('shared-');

/** UTF-8 bytes. */
const ID_BYTES_MAX = 4096;

function checkType(type: string, known: readonly string[], at: string): void {
  if (!known.includes(type)) throw invalidParams({ path: at, message: `no type; there are ${listed(known)}` });
}

export function checkObjectType(type: string, at: string): string {
  checkType(type, TYPES, at);
  return type;
}

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
  checkType(type, TYPES, `${at}.0`);
  const compared = comparedId(type, id, { place, at: `${at}.1` });
  return { type, id: compared, given: compared === id ? null : id };
}

/** `[type, id]` or `[type, id, relation]` as it was given. */
export function subjectOf(given: readonly string[], place: Place, at: string): Subject {
  const [type = '', id = '', relation = ''] = given;
  if (given.length < 2 || given.length > 3) {
    throw invalidParams({ path: at, message: 'a subject is [type, id] or [type, id, relation]' });
  }
  checkType(type, [...TYPES, EVERY], `${at}.0`);
  if (type === EVERY && id !== EVERY)
    throw invalidParams({ path: `${at}.1`, message: 'of every type there is only *' });
  if (type === 'group' && id === EVERY) {
    throw invalidParams({ path: `${at}.1`, message: 'a group is named; for everybody name ["*", "*"]' });
  }
  if (given.length === 3 && (type !== 'group' || relation !== MEMBER)) {
    throw invalidParams({ path: `${at}.2`, message: 'only member, of a group' });
  }
  return { type, id: comparedId(type, id, { place, at: `${at}.1` }), relation };
}

export const pairOf = (subject: Subject): SubjectId => [subject.type, subject.id];
