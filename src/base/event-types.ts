/**
 * Types of events, and the words that filters may have for them (platform.md §3.1). Pure. Guarantees: whatever a filter
 * calls a type, it is one word from here on; a word that no event can have is none, and what is appended is a word that
 * filters know.
 */

/** Types of the file family, each with its aliases. */
const FILES = {
  write: ['create', 'put', 'file_write', 'file_written'],
  delete: ['remove', 'file_delete', 'file_deleted'],
  mkdir: ['dir_create'],
  rmdir: ['dir_delete'],
  rename: ['move', 'file_rename'],
} as const;

export const FILE_TYPES: readonly string[] = Object.keys(FILES);

/** Types that the server appends beside those, by their families. */
const APPENDED = {
  key: ['created', 'updated', 'revoked'],
  zone: ['created', 'updated', 'deleted'],
  access: ['schema'],
  tree_snapshot: ['created', 'deleted'],
  tree_branch: ['created', 'deleted'],
  agent: ['registered', 'updated', 'deleted', 'transition', 'spec', 'warmed', 'stale'],
  message: ['provisioned', 'sent', 'deleted'],
  job: ['queued', 'running', 'retry_wait', 'succeeded', 'failed', 'cancelled'],
  schedule: ['created', 'updated', 'deleted'],
  mount: ['added', 'removed', 'saved', 'forgotten', 'mcp_added', 'mcp_removed'],
  sync: ['pushed'],
  conflict: ['opened', 'resolved'],
  brick: ['changed'],
  backup: ['completed', 'failed'],
  content: ['damaged', 'mended'],
  branch: ['created'],
  remix: ['created'],
} as const;
type Appended = typeof APPENDED;

/** Types that are promised and not appended yet. */
const PROMISED = ['image.built', 'asset.installed'];
/** Families of which any name may be asked for: what is promised of them grows, or clients publish them. */
const OPEN = new Set(['workflow', 'execution', 'sandbox', 'app']);

/** Whatever is appended has to be one of these, so that filters know it. */
export type EventType =
  | keyof typeof FILES
  | 'grant'
  | 'revoke'
  | { [family in keyof Appended]: `${family}.${Appended[family][number]}` }[keyof Appended]
  | `app.${string}`;

const WORDS: ReadonlyMap<string, string> = new Map([
  ...Object.entries(FILES).flatMap(([type, aliases]) => [type, ...aliases].map((word) => [word, type] as const)),
  ...Object.entries(APPENDED)
    .flatMap(([family, names]) => names.map((name) => `${family}.${name}`))
    .concat('grant', 'revoke', PROMISED)
    .map((type) => [type, type] as const),
]);

/** The type that a word of a filter stands for; undefined for one that no event can have. */
export function typeOf(word: string): string | undefined {
  const known = WORDS.get(word);
  if (known !== undefined) return known;
  return /^[a-z_]+\.[a-z0-9_.-]+$/.test(word) && OPEN.has(familyOf(word)) ? word : undefined;
}

export const familyOf = (type: string): string => type.slice(0, Math.max(0, type.indexOf('.')));

const OWN = new Set(['agent', 'message', 'job', 'app']);

/** Of which everybody sees what his own subject did (platform.md §3.1). */
export const isOfSubject = (type: string): boolean => OWN.has(familyOf(type));

export const isFileType = (type: string): boolean => Object.hasOwn(FILES, type);

/** Name of an application's event, behind `app.` (platform.md §3.3). */
export const isAppType = (type: string): type is `app.${string}` => /^app\.[a-z0-9_.-]{1,64}$/.test(type);
