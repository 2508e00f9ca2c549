/** Names of files that are put aside: `name (conflict YYYYMMDDTHHMMSSZ).ext` (platform.md §5). Pure. */
import { nameOf, parentOf } from '../../base/paths.ts';

/** `20260102T030405Z`. */
const stampOf = (at: number): string => `${new Date(at).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;

/** The part before the extension, and the extension with its dot: a name that begins with its only dot has none. */
function partsOf(name: string): readonly [string, string] {
  const dot = name.lastIndexOf('.');
  return dot <= 0 ? [name, ''] : [name.slice(0, dot), name.slice(dot)];
}

/** Cut at whole characters. */
function cutTo(text: string, bytes: number): string {
  let cut = text;
  while (Buffer.byteLength(cut) > bytes) cut = [...cut].slice(0, -1).join('');
  return cut;
}

export interface Aside {
  /** When the conflict was seen, in milliseconds. */
  readonly at: number;
  /** How many such names are taken. */
  readonly taken?: number;
  /** UTF-8 bytes that a name may have. */
  readonly nameBytes: number;
}

export function asidePath(path: string, { at, taken = 0, nameBytes }: Aside): string {
  const [stem, extension] = partsOf(nameOf(path));
  const note = ` (conflict ${stampOf(at)}${taken === 0 ? '' : ` ${taken + 1}`})`;
  const room = nameBytes - Buffer.byteLength(note);
  const kept = cutTo(extension, Math.floor(room / 2));
  const name = `${cutTo(stem, room - Buffer.byteLength(kept))}${note}${kept}`;
  const parent = parentOf(path);
  return parent === '/' ? `/${name}` : `${parent}/${name}`;
}
