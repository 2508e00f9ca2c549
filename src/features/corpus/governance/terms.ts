/**
 * Terms sought in a text, each as a whole word in any case (corpus.md §12). Guarantees: what is found is what a pattern for
 * each term would find by itself, from left to right without overlaps; the text is read once, however many terms there are,
 * and where a word begins no further than terms begin alike. Pure.
 */

import { isPair, isWordCharacter } from '../text/rules.ts';
import { foldOf } from './fold.ts';

export interface Found {
  /** Place of the term in the list. */
  readonly term: number;
  /** Characters of the text: [start, end). */
  readonly start: number;
  readonly end: number;
  readonly matched_text: string;
}

export interface Findings {
  /** By term, then position; of each term as many as were asked for. */
  readonly found: readonly Found[];
  /** How often each term is there. */
  readonly counts: readonly number[];
}

/** Terms by how they begin. */
interface Beginning {
  readonly next: Map<number, Beginning>;
  /** Terms that end here. */
  readonly terms: number[];
}

const beginning = (): Beginning => ({ next: new Map(), terms: [] });

function beginningsOf(terms: readonly string[], fold: Fold): Beginning {
  const root = beginning();
  for (const [term, text] of terms.entries()) {
    let here = root;
    for (let at = 0; at < text.length; at += unitsOf(text, at)) {
      const point = fold(text, at);
      const next = here.next.get(point) ?? beginning();
      here.next.set(point, next);
      here = next;
    }
    if (here !== root) here.terms.push(term);
  }
  return root;
}

type Fold = (text: string, at: number) => number;

const pointAt = (text: string, at: number): number => text.codePointAt(at) ?? 0;
const unitsOf = (text: string, at: number): number => (isPair(text, at) ? 2 : 1);

/** Folds characters, each kind of them once. */
function folding(): Fold {
  const known = new Map<number, number>();
  return (text, at) => {
    const point = pointAt(text, at);
    let folded = known.get(point);
    if (folded === undefined) {
      folded = pointAt(foldOf(String.fromCodePoint(point)), 0);
      known.set(point, folded);
    }
    return folded;
  };
}

const ASCII = 128;

/** Whether a term begins with the character; most characters are told by a table. */
function beginsWith({ next }: Beginning, fold: Fold): (text: string, at: number) => boolean {
  const ascii = Uint8Array.from({ length: ASCII }, (_, code) => (next.has(fold(String.fromCharCode(code), 0)) ? 1 : 0));
  return (text, at) => {
    const code = text.charCodeAt(at);
    return code < ASCII ? ascii[code] === 1 : next.has(fold(text, at));
  };
}

const isWordAt = (text: string, at: number): boolean =>
  at >= 0 && at < text.length && isWordCharacter(String.fromCodePoint(pointAt(text, at)));

/** Of each term at most `most` are told; all are counted. */
export function findTerms(text: string, terms: readonly string[], most: number): Findings {
  const fold = folding();
  const root = beginningsOf(terms, fold);
  const mayBegin = beginsWith(root, fold);
  const told: Found[][] = terms.map(() => []);
  const counts = terms.map(() => 0);
  /** Where the last one of each term ends, in UTF-16 units. */
  const ends = terms.map(() => 0);
  let before = -1;
  for (let at = 0, start = 0; at < text.length; start++) {
    if (mayBegin(text, at) && !isWordAt(text, before)) {
      for (const { term, to, characters } of startingAt(text, at, { root, fold })) {
        if ((ends[term] ?? 0) > at) continue;
        ends[term] = to;
        const count = counts[term] ?? 0;
        counts[term] = count + 1;
        if (count < most) told[term]?.push({ term, start, end: start + characters, matched_text: text.slice(at, to) });
      }
    }
    before = at;
    at += unitsOf(text, at);
  }
  return { found: told.flat(), counts };
}

interface Start {
  readonly term: number;
  /** UTF-16 units. */
  readonly to: number;
  readonly characters: number;
}

function* startingAt(
  text: string,
  from: number,
  { root, fold }: { readonly root: Beginning; readonly fold: Fold },
): Generator<Start> {
  let here: Beginning | undefined = root;
  let characters = 0;
  for (let at = from; at < text.length; ) {
    here = here.next.get(fold(text, at));
    if (!here) return;
    characters++;
    at += unitsOf(text, at);
    if (here.terms.length > 0 && !isWordAt(text, at)) for (const term of here.terms) yield { term, to: at, characters };
  }
}
