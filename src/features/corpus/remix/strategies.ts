/**
 * What a remix makes of two texts (corpus.md §13). Guarantees: equal texts, strategy, seed and levels give equal outputs, on
 * every node and version; time and memory grow linearly with the texts. Pure.
 */
import { canonicalJson } from '../../../base/canonical-json.ts';
import { interleaveWords } from '../branches/merge.ts';
import { type RandomSource, randomSource } from '../branches/random.ts';
import { hashOf, isBlank, paragraphsOf, trimBlanks } from '../text/rules.ts';

export const STRATEGIES = ['interleave', 'thematic_blend', 'temporal_layer', 'glyph_collide'] as const;
export type Strategy = (typeof STRATEGIES)[number];

type Compose = (source: string, target: string, draws: RandomSource) => string;

/** Positions at which characters collide. */
const COLLISIONS = 2_000;
/** Above it the target's paragraph is laid over the source's. */
const OVERLAY = 0.3;
const EMPTY_LINE = '\n\n';

const sentencesOf = (text: string): string[] =>
  text
    .split(/[.!?]+/)
    .map(trimBlanks)
    .filter(Boolean);

const blend: Compose = (source, target, draws) => {
  const [ours, theirs] = [sentencesOf(source), sentencesOf(target)];
  const chosen = draws.shuffle([...ours, ...theirs]).slice(0, Math.max(ours.length, theirs.length, 1));
  return chosen.length === 0 ? '' : `${chosen.join('. ')}.`;
};

const layer: Compose = (source, target, draws) => {
  const [ours, theirs] = [paragraphsOf(source), paragraphsOf(target)];
  const laid: string[] = [];
  for (let at = 0; at < Math.max(ours.length, theirs.length); at++) {
    const [under, over] = [ours[at], theirs[at]];
    if (under !== undefined) laid.push(under);
    if (over !== undefined && draws.random() > OVERLAY) laid.push(`[temporal overlay] ${over}`);
  }
  return laid.join(EMPTY_LINE);
};

/** As many characters as collide, blanks left out. */
function collidingOf(text: string): string[] {
  const characters: string[] = [];
  for (const character of text) {
    if (characters.length === COLLISIONS) break;
    if (!isBlank(character)) characters.push(character);
  }
  return characters;
}

const collide: Compose = (source, target, draws) => {
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

/** Of whole texts, or of the atoms of a level joined. */
export const remixed = (source: string, target: string, recipe: Recipe): string =>
  COMPOSE[recipe.strategy](source, target, randomSource(seedStringOf(recipe)));

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
