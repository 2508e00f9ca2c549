/**
 * What an atom of level glyph-seed tells of its character (corpus.md §6). The names of Unicode are 11 MB in memory, so they are
 * loaded when they are first asked for.
 */
import { LETTERS, seedsOf } from './letters.ts';

export interface Glyph {
  readonly character: string;
  readonly unicode_name: string;
  /** From 0. */
  readonly position: number;
  readonly phoneme_hint: string | null;
  readonly historic_forms: readonly string[];
  readonly visual_mutations: readonly string[];
  readonly thematic_tags: readonly string[];
  readonly future_seeds: readonly string[];
}

/** The name of a character, `U+XXXX` where it has none. */
export type NameOf = (character: string) => string;

export async function loadNames(): Promise<NameOf> {
  const { unicodeBaseName } = await import('unicode-name');
  return (character) => unicodeBaseName(character) ?? codeOf(character);
}

const codeOf = (character: string): string =>
  `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;

const placeOf = (character: string): number =>
  /^[A-Za-z]$/.test(character) ? character.toLowerCase().charCodeAt(0) - 'a'.charCodeAt(0) : -1;

export function glyphOf(character: string, position: number, nameOf: NameOf): Glyph {
  const place = placeOf(character);
  const letter = LETTERS[place];
  const isUpper = character < 'a';
  return {
    character,
    unicode_name: nameOf(character),
    position,
    phoneme_hint: letter ? `/${isUpper ? letter.name : letter.sound}/` : null,
    historic_forms: letter?.ancestors ?? [],
    visual_mutations: letter?.lookalikes ?? [],
    thematic_tags: letter?.tags ?? [],
    future_seeds: letter ? seedsOf(place) : [],
  };
}
