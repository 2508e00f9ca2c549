/** What `as_of` may be (files.md §11): a revision, a time, or the id or name of a snapshot. Pure. */
import { z } from 'zod';

export type Moment =
  | { readonly kind: 'revision'; readonly revision: number }
  /** Milliseconds. */
  | { readonly kind: 'time'; readonly at: number }
  | { readonly kind: 'name'; readonly name: string };

const time = z.iso.datetime({ offset: true });
/** What people read as a day or a time, though it lacks a part, as the offset, or has it in another form. */
const LIKE_A_TIME = /^\d{4}-?\d{2}-?\d{2}([T ]\d{2}(:?\d{2}){0,2}([.,]\d+)?\s?(Z|[+-]\d{2}(:?\d{2})?)?)?$/i;

export const isLikeATime = (text: string): boolean => LIKE_A_TIME.test(text);

/** A text of digits is a revision; one that reads as a time is a time; any other is a name. */
export function readMoment(as_of: number | string): Moment {
  if (typeof as_of === 'number') return { kind: 'revision', revision: as_of };
  if (/^\d+$/.test(as_of)) return { kind: 'revision', revision: Number(as_of) };
  if (time.safeParse(as_of).success) return { kind: 'time', at: Date.parse(as_of) };
  return { kind: 'name', name: as_of };
}

/** May a snapshot be called so? Not what could be taken for a revision, a time or a day. */
export const isSnapshotName = (text: string): boolean =>
  readMoment(text).kind === 'name' && !isLikeATime(text) && text.trim() === text && text !== '';
