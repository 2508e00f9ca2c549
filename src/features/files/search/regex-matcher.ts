/**
 * A native regular expression that matches one line exactly as RE2 does, to the character, for lines up to `longest` that
 * have no surrogate pair. Guarantees: it is offered only for trees whose meaning is the same to both (every set known, no loop around what can be
 * empty, alternatives in their order), and on a line up to `longest` an attempt at one place is bounded by a constant.
 */
import { type CharSet, intersects, UNKNOWN, union } from './charset.ts';
import {
  choiceOf,
  joinPieces,
  LOOP_TURNS,
  MOST_STEPS,
  NOTHING,
  type Piece,
  repeat,
  setPiece,
  writeSet,
  zeroWidth,
} from './native.ts';
import type { Regex } from './regex-syntax.ts';

type Loop = Regex & { kind: 'loop' };

export interface Matcher {
  /** Source for the flag `u`. */
  readonly source: string;
  /** UTF-16 units. */
  readonly longest: number;
}

/** Line lengths that are tried, until the steps suffice. */
const LENGTHS = [Number.MAX_SAFE_INTEGER, 256, 128, 64];

export function writeMatcher(tree: Regex): Matcher | undefined {
  for (const longest of LENGTHS) {
    const piece = write([tree], undefined, longest);
    if (!piece) return undefined;
    if (piece.steps <= MOST_STEPS) return { source: piece.source, longest };
  }
  return undefined;
}

/** What comes after a place, which decides how often a loop before it is tried again. */
type After = { readonly part: Regex; readonly next: After } | undefined;

/** Ends early when the steps are spent, since the piece is of no use then. */
function write(parts: readonly Regex[], after: After, longest: number): Piece | undefined {
  const follows: After[] = [after];
  for (const part of parts.toReversed()) follows.push({ part, next: follows.at(-1) });
  let whole = NOTHING;
  for (let i = 0; i < parts.length && whole.steps <= MOST_STEPS; i++) {
    const piece = writeOne(parts[i]!, follows[parts.length - 1 - i], longest);
    if (!piece) return undefined;
    whole = joinPieces(whole, piece);
  }
  return whole;
}

function writeOne(node: Regex, after: After, longest: number): Piece | undefined {
  switch (node.kind) {
    case 'set':
      return node.set.exact ? setPiece(node.set) : undefined;
    case 'edge':
      return zeroWidth(node.at === 'start' ? '^' : '$');
    case 'word':
      return zeroWidth(node.boundary ? '\\b' : '\\B');
    case 'sequence':
      return write(node.parts, after, longest);
    case 'choice': {
      const pieces = node.parts.flatMap((part) => write([part], after, longest) ?? []);
      return pieces.length === node.parts.length ? choiceOf(pieces) : undefined;
    }
    case 'loop':
      return node.body.kind === 'set' ? writeRun(node, node.body.set, { after, longest }) : writeTurns(node, longest);
  }
}

interface Place {
  readonly after: After;
  readonly longest: number;
}

/** A run of one set. Where what follows cannot begin within it, giving characters back is in vain at once. */
function writeRun(loop: Loop, set: CharSet, { after, longest }: Place): Piece | undefined {
  if (!set.exact) return undefined;
  if (loop.max <= LOOP_TURNS) return repeat(setPiece(set), loop);
  const { min, max, lazy } = loop;
  const turns = Math.min(max, longest);
  const follows = firstOf(after);
  const settled = follows === undefined || !intersects(set, follows);
  const count = max === Number.POSITIVE_INFINITY ? `{${min},}` : `{${min},${max}}`;
  return {
    source: `${writeSet(set)}${count}${lazy ? '?' : ''}`,
    steps: 2 * turns,
    ways: settled || min === max ? 1 : turns,
  };
}

/** Any other loop, if it has few turns and none of them can be empty (those turn otherwise in JavaScript). */
function writeTurns(loop: Loop, longest: number): Piece | undefined {
  if (loop.max > LOOP_TURNS || canBeEmpty(loop.body)) return undefined;
  const once = write([loop.body], ANYTHING, longest);
  return once && repeat(once, loop);
}

const ANYTHING: After = { part: { kind: 'set', set: UNKNOWN }, next: undefined };

/** Characters with which what comes can begin; undefined when it matches wherever it is tried. */
function firstOf(after: After): CharSet | undefined {
  const sets: CharSet[] = [];
  for (let at = after; at; at = at.next) {
    sets.push(ownFirst(at.part));
    if (!canBeEmpty(at.part)) return union(sets);
    if (at.part.kind !== 'loop' || at.part.min > 0) return UNKNOWN;
  }
  return undefined;
}

function ownFirst(node: Regex): CharSet {
  switch (node.kind) {
    case 'set':
      return node.set;
    case 'choice':
      return union(node.parts.map(ownFirst));
    case 'loop':
      return ownFirst(node.body);
    case 'sequence': {
      const first = node.parts[0];
      return first && !canBeEmpty(first) ? ownFirst(first) : UNKNOWN;
    }
    case 'edge':
    case 'word':
      return UNKNOWN;
  }
}

function canBeEmpty(node: Regex): boolean {
  switch (node.kind) {
    case 'set':
      return false;
    case 'edge':
    case 'word':
      return true;
    case 'sequence':
      return node.parts.every(canBeEmpty);
    case 'choice':
      return node.parts.some(canBeEmpty);
    case 'loop':
      return node.min === 0 || canBeEmpty(node.body);
  }
}
