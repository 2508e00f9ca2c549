/** The levels of atoms in their order, and what ingestion says that it made of each. Pure. */
import { parseJson } from '../../../base/parse-json.ts';

export const LEVELS = ['glyph-seed', 'syllable', 'word', 'sentence', 'paragraph'] as const;
export type Level = (typeof LEVELS)[number];

export const placeOfLevel = (level: Level): number => LEVELS.indexOf(level);

/** What ingestion made of a text on one level. */
export interface LevelMade {
  readonly level: Level;
  readonly atoms: number;
  /** Of all atoms, in order. */
  readonly digest: string;
}

/** Of a document, by its row. */
export const levelsOf = (row: { readonly levels: string }): readonly LevelMade[] => parseJson<LevelMade[]>(row.levels);

export const atomsOf = (made: readonly LevelMade[]): number => made.reduce((sum, { atoms }) => sum + atoms, 0);

export const atomId = (document_id: string, level: Level, ordinal: number): string =>
  `${document_id}.${level}.${ordinal}`;

/** Node of the graph. */
export const documentNode = (document_id: string): string => `doc:${document_id}`;
export const atomNode = (atom_id: string): string => `atom:${atom_id}`;
