/**
 * The sentences of a blend: what lies between runs of `.`, `!` and `?`, trimmed, without empties (corpus.md §13). Guarantees:
 * linear time; of a sentence no more is held than where it is. Pure.
 */
import { type Span, sliceOf, trimmedSpan } from '../text/rules.ts';

export interface Sentences {
  readonly count: number;
  textAt(place: number): string;
}

const ENDS = new Set(Array.from('.!?', (mark) => mark.charCodeAt(0)));

function* sentenceSpans(text: string): Generator<Span> {
  let start = 0;
  for (let at = 0; at <= text.length; at++) {
    if (at < text.length && !ENDS.has(text.charCodeAt(at))) continue;
    const span = trimmedSpan(text, start, at);
    if (span) yield span;
    start = at + 1;
  }
}

export function sentencesIn(text: string): Sentences {
  let places = new Uint32Array(1024);
  let count = 0;
  for (const { start, end } of sentenceSpans(text)) {
    if (2 * count === places.length) {
      const more = new Uint32Array(2 * places.length);
      more.set(places);
      places = more;
    }
    places.set([start, end], 2 * count++);
  }
  return {
    count,
    textAt: (place) => sliceOf(text, { start: places[2 * place] ?? 0, end: places[2 * place + 1] ?? 0 }),
  };
}
