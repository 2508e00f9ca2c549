/** Which levels of atoms a batch asks for (corpus.md §4). Pure. */
import { Fault } from '../../../base/faults.ts';
import { LEVELS, type Level } from '../documents/levels.ts';
import { trimBlanks } from './rules.ts';

const TRACKS = {
  full: LEVELS,
  glyphic_seed: ['glyph-seed', 'syllable'],
  literary: ['word', 'sentence', 'paragraph'],
} as const satisfies Record<string, readonly Level[]>;
export type Track = keyof typeof TRACKS;

export interface Selection {
  /** Each once, as they were named. */
  readonly tracks: readonly Track[];
  /** In their order. */
  readonly levels: readonly Level[];
}

export interface SelectionAsked {
  readonly atom_tracks?: readonly string[] | null | undefined;
  readonly atom_levels?: readonly string[] | null | undefined;
}

/** The union of tracks and levels; all of them where neither is named. */
export function selectLevels({ atom_tracks, atom_levels }: SelectionAsked): Selection {
  const known = Object.keys(TRACKS).join(', ');
  const tracks = [...new Set(checked(atom_tracks ?? [], isTrack, { what: 'tracks', known, read: asTrack }))];
  const named = levelsAmong(atom_levels ?? []);
  const wanted = new Set<Level>([...named, ...tracks.flatMap((track) => TRACKS[track])]);
  return { tracks, levels: wanted.size === 0 ? LEVELS : LEVELS.filter((level) => wanted.has(level)) };
}

/** Names of levels; BAD_REQUEST where one is none. */
export const levelsAmong = (names: readonly string[]): Level[] =>
  checked(names, isLevel, { what: 'levels', known: quoted(LEVELS), read: (name) => name });

const isLevel = (name: string): name is Level => LEVELS.some((level) => level === name);
const isTrack = (name: string): name is Track => Object.hasOwn(TRACKS, name);
const asTrack = (name: string): string => trimBlanks(name).toLowerCase().replaceAll('-', '_');

interface Names {
  readonly what: string;
  readonly known: string;
  readonly read: (name: string) => string;
}

function checked<T extends string>(
  names: readonly string[],
  isKnown: (name: string) => name is T,
  { what, known, read }: Names,
): T[] {
  const strange = names.filter((name) => !isKnown(read(name)));
  if (strange.length === 0) return names.map(read).filter(isKnown);
  throw new Fault('BAD_REQUEST', `Unknown atom_${what}: ${quoted([...new Set(strange)])}. Known ${what}: ${known}`);
}

const quoted = (names: readonly string[]): string => `[${names.map((name) => `'${name}'`).join(', ')}]`;
