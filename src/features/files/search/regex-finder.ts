/**
 * A native regular expression that finds candidates: places in a text of many lines where RE2 may have a match.
 * Guarantees: every line of the tree's language holds a match of it, and no match crosses a line feed; an attempt at one
 * place is bounded by a constant, so that a search is linear in the text for every pattern.
 *
 * It is the tree with what could take long cut away: loops at both ends shrink to their least count, loops inside run a
 * few turns freely and count as found when they go on, and what does not fit the steps is dropped from the right.
 */
import type { CharSet } from './charset.ts';
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

/** `cut`: it ends before the tree does, so nothing may be asked behind it. */
interface Part extends Piece {
  readonly cut: boolean;
}

const DONE: Part = { ...NOTHING, cut: false };
const CUT: Part = { ...NOTHING, cut: true };

/** Source for the flags `gmu`; `''` when every line is a candidate. */
export function writeFinder(tree: Regex): string {
  return writeSequence(trimLoops(tree.kind === 'sequence' ? tree.parts : [tree]), MOST_STEPS).source;
}

/** A loop at an end of the whole: more turns than the least change nothing about whether a line matches. */
function trimLoops(all: readonly Regex[]): Regex[] {
  const parts = [...all];
  for (let first = parts[0]; first?.kind === 'loop' && first.max > first.min; first = parts[0]) {
    parts.splice(0, 1, ...leastOf(first));
  }
  for (let last = parts.at(-1); last?.kind === 'loop' && last.max > last.min; last = parts.at(-1)) {
    parts.splice(-1, 1, ...leastOf(last));
  }
  return parts;
}

const leastOf = (loop: Loop): Regex[] => (loop.min === 0 ? [] : [{ ...loop, max: loop.min }]);

function writeSequence(parts: readonly Regex[], steps: number): Part {
  const first = parts[0];
  if (!first) return DONE;
  const rest = parts.slice(1);
  if (first.kind === 'loop') return writeLoop(first, rest, steps);
  const part = writeOne(first, steps);
  return part.cut ? part : follow(part, rest, steps);
}

/** `part`, and behind it as much of the rest as its ways leave steps for. */
function follow(part: Piece, rest: readonly Regex[], steps: number): Part {
  const behind = writeSequence(rest, Math.floor((steps - part.steps) / part.ways));
  return { ...joinPieces(part, behind), cut: behind.cut };
}

function writeOne(node: Exclude<Regex, Loop>, steps: number): Part {
  if (steps < 1) return CUT;
  switch (node.kind) {
    case 'set':
      return { ...setPiece(node.set), cut: false };
    case 'edge':
      // With the flag `m` they also hold at line ends that RE2 does not know, and before a carriage return.
      return { ...zeroWidth(node.at === 'start' ? '^' : '$'), cut: false };
    case 'word':
      return { ...zeroWidth(node.boundary ? '\\b' : '\\B'), cut: false };
    case 'sequence':
      return writeSequence(node.parts, steps);
    case 'choice':
      return writeChoice(node.parts, steps);
  }
}

/** Every branch gets its share of the steps, and is cut to it. */
function writeChoice(branches: readonly Regex[], steps: number): Part {
  const parts: Part[] = [];
  let left = steps - branches.length;
  for (const branch of branches) {
    const share = Math.floor(left / (branches.length - parts.length));
    const part = writeSequence([branch], share);
    if (part.cut && part.source === '') return CUT;
    left -= part.steps;
    parts.push(part);
  }
  return { ...choiceOf(parts), cut: parts.some(({ cut }) => cut) };
}

function writeLoop({ body, min, max, lazy }: Loop, rest: readonly Regex[], steps: number): Part {
  // Written once and used for every count, or loops in loops would multiply the work.
  const once = writeSequence([body], steps);
  if (!once.cut && (max <= LOOP_TURNS || (min === max && body.kind === 'set'))) {
    const whole = repeat(once, { min, max, lazy });
    if (fits(whole, steps)) return follow(whole, rest, steps);
  }
  if (min > 0 && once.cut) return once;
  const least = writeLeast(once, min, steps);
  if (!least) return CUT;
  const left = Math.floor((steps - least.steps) / least.ways);
  const onward = body.kind === 'set' ? writeRun(body.set, rest, left) : writeTurn(once, rest, left);
  return { ...joinPieces(least, onward), cut: true };
}

const fits = (piece: Piece, steps: number): boolean => piece.steps + piece.ways <= steps;

/** The least turns of a loop, or as many of them as fit: the others are left to what follows. */
function writeLeast(once: Piece, min: number, steps: number): Piece | undefined {
  if (min === 0) return NOTHING;
  for (const turns of [min, LOOP_TURNS, 1]) {
    const copies = repeat(once, { min: turns, max: turns, lazy: false });
    if (turns <= min && fits(copies, steps)) return copies;
  }
  return undefined;
}

/** A run of one set: the rest within a few characters, or so many of them that the line is a candidate. */
function writeRun(set: CharSet, rest: readonly Regex[], steps: number): Part {
  const behind = writeSequence(rest, Math.floor(steps / LOOP_TURNS) - 3);
  if (behind.source === '') return CUT;
  const one = writeSet(set);
  return {
    source: `(?:${one}{0,${LOOP_TURNS - 1}}?${behind.source}|${one}{${LOOP_TURNS}})`,
    steps: LOOP_TURNS * (behind.steps + 3),
    ways: LOOP_TURNS * behind.ways + 1,
    cut: true,
  };
}

/** A loop of anything else: the rest at once, or one more turn and the line is a candidate. */
function writeTurn(once: Piece, rest: readonly Regex[], steps: number): Part {
  const behind = writeSequence(rest, steps - once.steps - 2);
  if (behind.source === '' || once.source === '') return CUT;
  return { ...choiceOf([behind, once]), cut: true };
}
