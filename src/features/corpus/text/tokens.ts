/**
 * The token that an atom is known by, and the name of its file (corpus.md §6). Guarantees: as long as an atom may be, no more
 * of it is read than its token takes. Pure.
 */
import type { Level } from '../documents/levels.ts';
import { titleStem } from '../ingest/titles.ts';

/** Characters of a token, all of them ASCII. */
export const TOKEN_MAX = 48;
const STEM_MAX = 16;
const UNDERSCORE = 95;

/** What an ASCII character is in a token: itself in lower case, or 0. */
const KEPT = Uint8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code).toLowerCase();
  return /^[a-z0-9]$/.test(character) ? character.charCodeAt(0) : 0;
});

const EMPTY = Buffer.from('empty');

/**
 * Writes the token of text[start, end): NFKD, ASCII only, lower case, each run of others than a–z 0–9 as `_`, none at the
 * ends, `empty` if nothing is left, the first {@link TOKEN_MAX}.
 * @returns bytes written
 */
export function writeToken(text: string, { start, end }: { start: number; end: number }, out: Uint8Array): number {
  let length = 0;
  let gap = false;
  const put = (code: number): void => {
    const kept = KEPT[code] ?? 0;
    if (kept === 0) {
      gap = length > 0;
      return;
    }
    if (gap && length < TOKEN_MAX) out[length++] = UNDERSCORE;
    gap = false;
    if (length < TOKEN_MAX) out[length++] = kept;
  };
  for (let at = start; at < end && length < TOKEN_MAX; at++) {
    const code = text.charCodeAt(at);
    if (code < 128) put(code);
    else {
      const point = text.codePointAt(at) ?? code;
      if (point > 0xffff) at++;
      for (const each of asciiOf(point)) put(each);
    }
  }
  if (length > 0) return length;
  out.set(EMPTY);
  return EMPTY.length;
}

/** Of characters that were asked for: 1 where nothing of them is ASCII. All other answers are some thousand. */
const WITHOUT_ASCII = new Uint8Array(0x110000);
const WITH_ASCII = new Map<number, readonly number[]>();
const NONE: readonly number[] = [];

/**
 * What of a character is ASCII, decomposed: each alone, since ASCII is never moved by the order of marks and never a part of
 * what composes.
 */
function asciiOf(point: number): readonly number[] {
  if (WITHOUT_ASCII[point] === 1) return NONE;
  const known = WITH_ASCII.get(point);
  if (known) return known;
  const codes = Array.from(String.fromCodePoint(point).normalize('NFKD'), (character) => character.codePointAt(0) ?? 0);
  const ascii = codes.filter((code) => code < 128);
  if (ascii.length === 0) WITHOUT_ASCII[point] = 1;
  else WITH_ASCII.set(point, ascii);
  return ascii;
}

export function normalizedToken(content: string): string {
  const out = new Uint8Array(TOKEN_MAX);
  const length = writeToken(content, { start: 0, end: content.length }, out);
  return Buffer.from(out.buffer, 0, length).toString('latin1');
}

export const FILENAME_VERSION = 'ab01-v1';

/** Of a document's title, as it begins the names of its atoms' files. */
export const stemToken = (title: string): string => normalizedToken(titleStem(title)).slice(0, STEM_MAX).toUpperCase();

export interface AtomName {
  readonly level: Level;
  readonly ordinal: number;
  readonly token: string;
  readonly duplicate_index: number;
}

/** `stem` as {@link stemToken} gives it. */
export function filenameOf(stem: string, { level, ordinal, token, duplicate_index }: AtomName): string {
  const place = `${level.toUpperCase().replaceAll('-', '_')}_${String(ordinal).padStart(6, '0')}`;
  const again = duplicate_index > 1 ? `_d${String(duplicate_index).padStart(2, '0')}` : '';
  return `${stem}_${place}_${token}${again}.txt`;
}
