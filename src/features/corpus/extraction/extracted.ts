/** What extraction is asked, and what it makes of a file (corpus.md §5). Plain data: it crosses threads. */
import { hash } from 'node:crypto';
import { Fault } from '../../../base/faults.ts';
import type { Modality } from '../plugins/plugin.ts';
import { hasConflictMarks } from '../text/conflict.ts';
import { stringOf } from '../text/decode.ts';
import { countCharacters } from '../text/rules.ts';

export interface ExtractLimits {
  /** INGEST_TEXT_BYTES. */
  readonly text_bytes: number;
  /** PDF_PAGES. */
  readonly pdf_pages: number;
}

export interface ExtractAsked {
  readonly modality: Modality;
  readonly bytes: Uint8Array;
  readonly filename: string;
  readonly checksum: string;
  readonly limits: ExtractLimits;
}

export interface ExtractedText {
  /** UTF-8. */
  readonly bytes: Uint8Array;
  readonly sha256: string;
  readonly characters: number;
  /** Seven marks of a merge at the beginning of a line. */
  readonly has_conflict_marks: boolean;
}

export interface Extracted {
  readonly status: 'complete' | 'partial' | 'pending';
  /** Of a text or a PDF. */
  readonly text: ExtractedText | null;
  readonly segments: Readonly<Record<string, unknown>>;
  /** Why a part of the file could not be read. */
  readonly warning: string | null;
}

/** `bytes`: UTF-8 that holds to the rules of decoding. @throws Fault LIMIT_EXCEEDED */
export function extractedText(
  bytes: Uint8Array,
  { text_bytes }: ExtractLimits,
): ExtractedText & { readonly text: string } {
  if (bytes.length > text_bytes) throw tooLarge(text_bytes);
  const text = stringOf(bytes);
  return {
    text,
    bytes,
    sha256: hash('sha256', bytes),
    characters: countCharacters(text),
    has_conflict_marks: hasConflictMarks(text),
  };
}

export const tooLarge = (maximum: number): Fault =>
  new Fault('LIMIT_EXCEEDED', `Text is larger than ${maximum} bytes`, { limit: 'INGEST_TEXT_BYTES', maximum });

/** What was thrown over a file, in a few words. */
export function reasonOf(thrown: unknown): string {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const line = message.split('\n', 1)[0]?.trim().replace(/\.$/, '') ?? '';
  return line.slice(0, REASON_MAX) || 'for no stated reason';
}

const REASON_MAX = 200;
