/**
 * Types of events, and the words that filters may have for them (platform.md §3.1). Pure. Guarantees: whatever a filter
 * calls a type, it is one word from here on; a word that is no type of any family is none.
 */

/** Types of the file family, each with its aliases. */
const FILES: Readonly<Record<string, readonly string[]>> = {
  write: ['create', 'put', 'file_write', 'file_written'],
  delete: ['remove', 'file_delete', 'file_deleted'],
  mkdir: ['dir_create'],
  rmdir: ['dir_delete'],
  rename: ['move', 'file_rename'],
};

export const FILE_TYPES: readonly string[] = Object.keys(FILES);

const WORDS: ReadonlyMap<string, string> = new Map([
  ...Object.entries(FILES).flatMap(([type, aliases]) => [type, ...aliases].map((word) => [word, type] as const)),
  ['grant', 'grant'],
  ['revoke', 'revoke'],
]);

/** Families whose types are `family.word`; those of applications are made by clients. */
const FAMILIES = new Set(
  (
    'key zone access tree_snapshot tree_branch agent message job schedule mount sync conflict brick backup workflow execution ' +
    'sandbox image asset branch remix app'
  ).split(' '),
);

/** The type that a word of a filter stands for; undefined for one that no event can have. */
export function typeOf(word: string): string | undefined {
  const known = WORDS.get(word);
  if (known !== undefined) return known;
  return /^[a-z_]+\.[a-z0-9_.-]+$/.test(word) && FAMILIES.has(familyOf(word)) ? word : undefined;
}

export const familyOf = (type: string): string => type.slice(0, Math.max(0, type.indexOf('.')));

const OWN = new Set(['agent', 'message', 'job', 'app']);

/** Of which everybody sees what his own subject did (platform.md §3.1). */
export const isOfSubject = (type: string): boolean => OWN.has(familyOf(type));

export const isFileType = (type: string): boolean => Object.hasOwn(FILES, type);

/** Name of an application's event, behind `app.` (platform.md §3.3). */
export const APP_TYPE = /^app\.[a-z0-9_.-]{1,64}$/;
