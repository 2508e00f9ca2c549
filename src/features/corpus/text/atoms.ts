/**
 * The atoms of a text (corpus.md §6), level by level, and what is told of one. Guarantees: in order of the text; never more
 * than one atom is held, beside the counts of tokens; linear time. Pure.
 */
import { atomId, type Level } from '../documents/levels.ts';
import { Duplicates } from './duplicates.ts';
import { type Glyph, glyphOf, type NameOf } from './glyphs.ts';
import {
  countCharacters,
  firstCharacters,
  isBlank,
  isPair,
  paragraphSpans,
  type Span,
  sentenceSpans,
  wordSpans,
} from './rules.ts';
import { syllableSpans } from './syllables.ts';
import { FILENAME_VERSION, filenameOf, normalizedToken, TOKEN_MAX, writeToken } from './tokens.ts';

/** Positions are UTF-8 bytes of the text: [start, end). */
export interface Atom extends Span {
  /** 1 for the first of its level and token in the text. */
  readonly duplicate_index: number;
}

const SPANS: Readonly<Record<Level, (text: string) => Iterable<Span>>> = {
  'glyph-seed': glyphSpans,
  syllable: allSyllableSpans,
  word: wordSpans,
  sentence: sentenceSpans,
  paragraph: paragraphSpans,
};

/** Where the atoms of a level are, in UTF-16 units. */
export const levelSpans = (text: string, level: Level): Iterable<Span> => SPANS[level](text);

export function* atomsOf(text: string, level: Level): Generator<Atom> {
  const duplicates = new Duplicates();
  const token = new Uint8Array(TOKEN_MAX);
  const bytes = new ByteCursor(text);
  for (const span of SPANS[level](text)) {
    const duplicate_index = duplicates.count(token, writeToken(text, span, token));
    const start = bytes.at(span.start);
    yield { start, end: bytes.at(span.end), duplicate_index };
  }
}

/** Characters that are not blank. */
function* glyphSpans(text: string): Generator<Span> {
  for (let start = 0; start < text.length; ) {
    const end = start + (isPair(text, start) ? 2 : 1);
    if (!isBlankAt(text, start)) yield { start, end };
    start = end;
  }
}

const BLANK_CODES = Uint8Array.from({ length: 128 }, (_, code) => (isBlank(String.fromCharCode(code)) ? 1 : 0));
function isBlankAt(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code < 128 ? BLANK_CODES[code] === 1 : isBlank(text[at] ?? '');
}

function* allSyllableSpans(text: string): Generator<Span> {
  for (const word of wordSpans(text)) yield* syllableSpans(text, word);
}

/** Where a position in UTF-16 units is in UTF-8 bytes; asked in ascending order. */
class ByteCursor {
  private readonly text: string;
  private unit = 0;
  private byte = 0;

  constructor(text: string) {
    this.text = text;
  }

  at(unit: number): number {
    for (; this.unit < unit; this.unit++) {
      const code = this.text.charCodeAt(this.unit);
      // A half of a pair is half of four bytes.
      this.byte += code < 0x80 ? 1 : code < 0x800 || (code & 0xf800) === 0xd800 ? 2 : 3;
    }
    return this.byte;
  }
}

/** Characters of the content of an atom that are shown. */
const CONTENT_CHARACTERS = 10_000;

export interface AtomView {
  readonly id: string;
  readonly ordinal: number;
  readonly content: string;
  readonly content_truncated?: true;
  readonly metadata: {
    readonly length: number;
    readonly normalized_token: string;
    readonly duplicate_index: number;
    readonly filename: string;
    readonly filename_schema_version: typeof FILENAME_VERSION;
  };
  readonly glyph?: Glyph;
}

/** What all atoms of a page have in common. */
export interface AtomsOf {
  readonly document_id: string;
  readonly level: Level;
  /** Of the document's title, by `stemToken`. */
  readonly stem: string;
  /** Needed for atoms of level glyph-seed. */
  readonly nameOf: NameOf;
}

export interface AtomStored {
  readonly ordinal: number;
  /** All of it. */
  readonly content: string;
  readonly duplicate_index: number;
}

export function atomView(of: AtomsOf, { ordinal, content, duplicate_index }: AtomStored): AtomView {
  const { document_id, level, stem } = of;
  const token = normalizedToken(content);
  const shown = firstCharacters(content, CONTENT_CHARACTERS);
  return {
    id: atomId(document_id, level, ordinal),
    ordinal,
    content: shown,
    ...(shown === content ? {} : { content_truncated: true }),
    metadata: {
      length: countCharacters(content),
      normalized_token: token,
      duplicate_index,
      filename: filenameOf(stem, { level, ordinal, token, duplicate_index }),
      filename_schema_version: FILENAME_VERSION,
    },
    ...(level === 'glyph-seed' ? { glyph: glyphOf(content, ordinal - 1, of.nameOf) } : {}),
  };
}
