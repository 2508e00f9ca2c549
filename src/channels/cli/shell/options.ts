/** What the commands that feel like a shell have in common: their options, and what was typed for them. */
import { basename } from 'node:path';
import type { Option, Typed } from '../command.ts';

export const flag = (name: string, about: string, short?: string): Option => ({
  name,
  about,
  takes: 'flag',
  ...(short ? { short } : {}),
});
export const text = (name: string, about: string): Option => ({ name, about, takes: 'text' });
export const BRANCH = text('branch', 'branch of the tree');
const AS_OF = text('as-of', 'revision, snapshot or time: as it was then');
export const VIEW = [BRANCH, AS_OF];

export const textOf = (typed: Typed, option: string): string | undefined => {
  const given = typed.options[option];
  return typeof given === 'string' ? given : undefined;
};

export const viewOf = (typed: Typed): { branch: string | undefined; as_of: string | undefined } => ({
  branch: textOf(typed, 'branch'),
  as_of: textOf(typed, 'as-of'),
});

export const target = (typed: Typed, at = 0): string => typed.args[at] ?? '/';

/** Where something goes: into a directory, under its own name, if what was typed ends as a directory does. */
export const goesTo = (path: string, source: string): string => (path.endsWith('/') ? path + basename(source) : path);

/** Most entries, paths and lines that a page may hold: larger pages mean fewer requests. */
export const PAGE = { list: 10_000, glob: 100_000, grep: 10_000 };

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
