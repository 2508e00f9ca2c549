/** How far two texts are from each other, and what is shown of one (corpus.md §9). Pure. */
import { firstCharacters } from '../text/rules.ts';

export const PREVIEW_CHARACTERS = 500;

export const previewOf = (text: string): string => firstCharacters(text, PREVIEW_CHARACTERS);

/** Positions at which two texts differ; a character that is missing differs. */
export function distanceOf(left: string, right: string): number {
  const [a, b] = [[...left], [...right]];
  const longest = Math.max(a.length, b.length);
  let differing = 0;
  for (let at = 0; at < longest; at++) if (a[at] !== b[at]) differing++;
  return differing;
}
