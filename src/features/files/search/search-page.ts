/**
 * The pages of a search (files.md §9). Guarantees: a cursor carries the options and the revision of the first page, so
 * that `{pattern, cursor}` alone goes on with both; an option that is given again has to be the same; nothing a cursor
 * holds, forged ones included, reaches further than a call of its own would.
 */
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { contradicts, readCursor, writeCursor } from '../../../base/cursor.ts';
import { isZoneId } from '../../../base/ids.ts';
import { ancestorsOf, hasControl, isBelow } from '../../../base/paths.ts';
import { plainText } from '../../../base/texts.ts';
import type { PathSet } from '../../../core/call/access.ts';
import type { Call } from '../../../core/operation.ts';
import { path, viewParams } from '../params.ts';
import type { View } from '../view.ts';
import type { ViewParams } from '../view-of.ts';
import { compileGlob, type Glob } from './glob.ts';
import type { GlobLimits } from './pattern.ts';
import type { Scope } from './scan.sql.ts';

/** Globs of one parameter. */
const GLOBS_MAX = 100;

/** What searches take beside their pattern. */
export const searchParams = {
  path: path.optional().describe('where to search, / unless given'),
  exclude: z
    .union([plainText, z.array(plainText).max(GLOBS_MAX)])
    .transform((globs) => [globs].flat())
    .optional()
    .describe('leave out the paths that these globs match'),
  cursor: z.string().optional().describe('next_cursor of the page before'),
  ...viewParams,
};

/** A path as a cursor carries it: one that could be, whatever stands there. */
export const carriedPath = z.string().refine((text) => text.isWellFormed() && !hasControl(text));

/** What a cursor carries of every search, beside the options and the place where the page begins. */
export const carried = {
  branch: z.string(),
  /** As the first page was asked for. */
  as_of: z.string().optional(),
  revision: z.int().min(0),
};

/** The options carry the path in the form in which it was asked for. */
type Options = { readonly path: string };

export type Carried<S extends Options, A> = z.infer<z.ZodObject<typeof carried>> & {
  readonly options: S;
  /** Where the page begins. */
  readonly at: A;
};

/** One kind of search: its cursors are none of another. */
export interface SearchKind<S extends Options, A> {
  readonly name: string;
  readonly state: z.ZodType<Carried<S, A>>;
}

/** What a call gave. */
export interface SearchInput extends ViewParams {
  readonly path?: string | undefined;
  readonly cursor?: string | undefined;
}

export interface SearchPage<S extends Options, A> {
  readonly options: S;
  /** Undefined on the first page. */
  readonly state: Carried<S, A> | undefined;
  readonly view: ViewParams;
  readonly as_of: string | undefined;
}

/** The path of a search, in the form in which it was asked for: that of the cursor, or that of the zone that a glob names. */
export function placeOf<S extends Options, A>(kind: SearchKind<S, A>, input: SearchInput, glob = ''): string {
  if (input.path !== undefined) return input.path;
  if (input.cursor !== undefined) return readCursor(kind.name, input.cursor, kind.state).options.path;
  const zone = /^\/zone\/([^/]+)\//.exec(glob)?.[1];
  return zone !== undefined && isZoneId(zone) ? `/zone/${zone}` : '/';
}

/** `given`: the options of the call, those that it left out undefined; `defaults` stand for them on the first page. */
export function openPage<S extends Options, A>(
  kind: SearchKind<S, A>,
  input: SearchInput,
  options: { readonly given: Partial<S>; readonly defaults: S },
): SearchPage<S, A> {
  const as_of = input.as_of === undefined ? undefined : String(input.as_of);
  const { branch } = input;
  const given = Object.entries(options.given).filter(([, value]) => value !== undefined);
  if (input.cursor === undefined) {
    const all: S = { ...options.defaults, ...Object.fromEntries(given) };
    return { options: all, state: undefined, view: { branch, as_of: input.as_of }, as_of };
  }
  const state = readCursor(kind.name, input.cursor, kind.state);
  const before = new Map<string, unknown>(Object.entries(state.options));
  for (const [name, value] of given) if (!isDeepStrictEqual(value, before.get(name))) throw contradicts(name);
  if (branch !== undefined && branch !== state.branch) throw contradicts('branch');
  if (as_of !== undefined && as_of !== state.as_of) throw contradicts('as_of');
  const view = { branch: state.branch, as_of: state.revision, paging: state.as_of === undefined };
  return { options: state.options, state, view, as_of: state.as_of };
}

/** The cursor of the page that begins at `at`; null where there is none. */
export function nextCursor<S extends Options, A>(
  kind: SearchKind<S, A>,
  page: SearchPage<S, A>,
  next: { readonly view: View; readonly seq: number; readonly at: A } | undefined,
): string | null {
  if (!next) return null;
  const { options, as_of } = page;
  const revision = page.state?.revision ?? next.view.layers[0].at ?? next.seq;
  return writeCursor(kind.name, { options, branch: next.view.name, as_of, revision, at: next.at });
}

/** A glob as it stands inside the zone of the call: an absolute one may name the zone, as paths may (§5, rule 7). */
export function compileInside(call: Call, pattern: string, base: string): Glob {
  const zone = `/zone/${call.context.zone_id}`;
  const inside = pattern.startsWith(`${zone}/`) ? pattern.slice(zone.length) : pattern;
  return compileGlob(inside, base, call.limits satisfies GlobLimits);
}

/** The part of the tree that a caller may see; undefined where that is nothing. */
export function scopeOf(readable: PathSet, folder: string, files: Scope['files']): Scope | undefined {
  if (readable.has(folder)) return { folder, roots: null, towards: [], files };
  const roots = readable.roots.filter((root) => isBelow(root, folder));
  if (roots.length === 0) return undefined;
  const inside = (above: string): boolean => above !== '/' && (above === folder || isBelow(above, folder));
  const towards = files === 'files' ? [] : [...new Set(roots.flatMap(ancestorsOf).filter(inside))];
  return { folder, roots, towards, files };
}
