/**
 * What a remix makes of two texts (corpus.md §13). Guarantees: equal texts, strategy, seed and levels give equal outputs, on
 * every node and version; time and memory grow linearly with the texts. Pure.
 */
import { canonicalJson } from '../../../base/canonical-json.ts';
import type { Fault } from '../../../base/faults.ts';
import { limitExceeded } from '../../../base/limits.ts';
import { interleaveWords } from '../branches/merge.ts';
import { type RandomSource, randomSource } from '../branches/random.ts';
import { hashOf, isBlank, joinEach, paragraphSpans, sliceOf } from '../text/rules.ts';
import { type Sentences, sentencesIn } from './sentences.ts';

export const STRATEGIES = ['interleave', 'thematic_blend', 'temporal_layer', 'glyph_collide'] as const;
export type Strategy = (typeof STRATEGIES)[number];

interface By {
  readonly draws: RandomSource;
  /** A text with more UTF-16 units is refused anyway, for it has at least as many bytes. */
  readonly unitsMax: number;
}
type Compose = (source: string, target: string, by: By) => string;

/** Positions at which characters collide. */
const COLLISIONS = 2_000;
/** Above it the target's paragraph is laid over the source's. */
const OVERLAY = 0.3;
const EMPTY_LINE = '\n\n';

const remixTooLong = (actual: number, maximum: number): Fault =>
  limitExceeded('INGEST_TEXT_BYTES', maximum, { actual, what: 'the text of a remix' });

function* blended(ours: Sentences, theirs: Sentences, draws: RandomSource): Generator<string> {
  const order = new Uint32Array(ours.count + theirs.count);
  for (let place = 0; place < order.length; place++) order[place] = place;
  draws.shuffle(order);
  for (const place of order.subarray(0, Math.max(ours.count, theirs.count, 1))) {
    yield place < ours.count ? ours.textAt(place) : theirs.textAt(place - ours.count);
  }
}

const blend: Compose = (source, target, { draws }) => {
  const text = joinEach(blended(sentencesIn(source), sentencesIn(target), draws), '. ');
  return text === '' ? '' : `${text}.`;
};

/** What is laid over makes a text much longer: it ends where it would be refused. */
function* layersOf(source: string, target: string, { draws, unitsMax }: By): Generator<string> {
  const [ours, theirs] = [paragraphSpans(source), paragraphSpans(target)];
  let units = 0;
  for (;;) {
    const [under, over] = [ours.next(), theirs.next()];
    if (under.done && over.done) return;
    const laid = under.done ? [] : [sliceOf(source, under.value)];
    if (!over.done && draws.random() > OVERLAY) laid.push(`[temporal overlay] ${sliceOf(target, over.value)}`);
    for (const paragraph of laid) {
      units += paragraph.length;
      if (units > unitsMax) throw remixTooLong(units, unitsMax);
      yield paragraph;
      units += EMPTY_LINE.length;
    }
  }
}

const layer: Compose = (source, target, by) => joinEach(layersOf(source, target, by), EMPTY_LINE);

/** As many characters as collide, blanks left out. */
function collidingOf(text: string): string[] {
  const characters: string[] = [];
  for (const character of text) {
    if (characters.length === COLLISIONS) break;
    if (!isBlank(character)) characters.push(character);
  }
  return characters;
}

const collide: Compose = (source, target, { draws }) => {
  const [ours, theirs] = [collidingOf(source), collidingOf(target)];
  let output = '';
  for (let at = 0; at < Math.max(ours.length, theirs.length); at++) {
    const [a, b] = [ours[at], theirs[at]];
    if (a === undefined || b === undefined || a === b) output += a ?? b ?? '';
    else output += draws.random() > 0.5 ? a : b;
  }
  return output;
};

const COMPOSE: Readonly<Record<Strategy, Compose>> = {
  interleave: interleaveWords,
  thematic_blend: blend,
  temporal_layer: layer,
  glyph_collide: collide,
};

export interface Recipe {
  readonly strategy: Strategy;
  readonly seed: number;
  readonly atom_levels: readonly string[];
  /** Hashes of the whole texts. */
  readonly source_hash: string;
  readonly target_hash: string;
}

/** What seeds the draws. */
const seedStringOf = ({ strategy, seed, atom_levels, source_hash, target_hash }: Recipe): string =>
  `remix:${strategy}:${seed}:${source_hash}:${target_hash}:${atom_levels.join(',')}`;

export const rngSeedHex = (recipe: Recipe): string => hashOf(seedStringOf(recipe));

export interface Bound {
  /** Of the text that comes out, in UTF-8. */
  readonly bytesMax: number;
}

/** Of whole texts, or of the atoms of a level joined. LIMIT_EXCEEDED where it would have more than so many UTF-8 bytes. */
export function remixed(source: string, target: string, { bytesMax, ...recipe }: Recipe & Bound): string {
  const draws = randomSource(seedStringOf(recipe));
  const text = COMPOSE[recipe.strategy](source, target, { draws, unitsMax: bytesMax });
  const bytes = Buffer.byteLength(text);
  if (bytes > bytesMax) throw remixTooLong(bytes, bytesMax);
  return text;
}

/** What a remix is told by: exactly these fields go into its hash. */
export interface RemixPayload {
  readonly strategy: Strategy;
  readonly seed: number;
  readonly mode: string;
  readonly source_document_id: string | null;
  readonly source_branch_id: string | null;
  readonly target_document_id: string | null;
  readonly target_branch_id: string | null;
  readonly atom_levels: readonly string[];
  readonly text_hash: string;
}

export const payloadHash = (payload: RemixPayload): string => hashOf(canonicalJson(payload));
