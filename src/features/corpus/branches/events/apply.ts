/**
 * Events of branches by their types (corpus.md §10). Guarantees: equal payload and text give equal text, on every node and
 * version, which test/vectors/corpus.json holds; time and memory grow linearly with the text; a text is well-formed, so
 * that what is stored is what was computed. Pure.
 */
import { countCharacters, hashOf } from '../../text/rules.ts';
import { randomSource } from '../random.ts';
import { naturalDrift, reverseDrift } from './drift.ts';
import { badRequest, type EventType, given, type Payload } from './event.ts';
import { glyphFusion } from './fusion.ts';
import { merge, remix } from './joining.ts';
import { syntheticMutation } from './mutation.ts';
import { phaseShift } from './phases.ts';
import { tooLong } from './too-long.ts';

const TYPES = {
  natural_drift: naturalDrift,
  reverse_drift: reverseDrift,
  synthetic_mutation: syntheticMutation,
  phase_shift: phaseShift,
  glyph_fusion: glyphFusion,
  remix,
  merge,
} as const satisfies Record<string, EventType>;
export type EventName = keyof typeof TYPES;

const isEventName = (word: string): word is EventName => Object.hasOwn(TYPES, word);

/** BAD_REQUEST for a type that is none. */
export function eventNameOf(word: string): EventName {
  if (isEventName(word)) return word;
  throw badRequest(`Unsupported event_type: ${word}`);
}

/** An event as it is given, or with its payload validated as it is kept. */
export interface BranchEvent {
  readonly event_type: EventName;
  readonly payload: Payload;
}

/** With its payload as it is kept: unknown fields stay, what is missing is put in. Throws BAD_REQUEST. */
export function validateEvent({ event_type, payload }: BranchEvent): BranchEvent {
  const seed = given(payload, 'seed', 0);
  if (!Number.isInteger(seed)) throw badRequest('seed must be a whole number');
  return { event_type, payload: { ...TYPES[event_type].validate(payload), seed } };
}

/** A text with its hash. */
export interface HashedText {
  readonly text: string;
  readonly text_hash: string;
}

export interface Happened extends HashedText {
  readonly bytes: number;
  readonly diff_summary: Payload;
}

/** What a validated event makes of a text; LIMIT_EXCEEDED where that would have more than so many UTF-8 bytes. */
export function applyEvent({ event_type, payload }: BranchEvent, base: HashedText, bytesMax: number): Happened {
  const { text, summary } = TYPES[event_type].apply({
    text: base.text,
    payload,
    source: () => randomSource(`${event_type}:${BigInt(payload.seed as number)}:${base.text_hash}`),
    // A character has at least one byte for each of its UTF-16 units.
    charactersMax: bytesMax,
  });
  const made = text.toWellFormed();
  const bytes = Buffer.byteLength(made);
  if (bytes > bytesMax) throw tooLong(bytes, bytesMax);
  const diff_summary = {
    event: event_type,
    ...summary,
    before_chars: countCharacters(base.text),
    after_chars: countCharacters(made),
  };
  return { text: made, text_hash: made === base.text ? base.text_hash : hashOf(made), bytes, diff_summary };
}
