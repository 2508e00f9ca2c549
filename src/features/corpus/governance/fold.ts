/**
 * Simple case folding, as the flags `i` and `u` of a pattern have it (corpus.md §1, "in any case"). Guarantees: two characters
 * have one fold exactly if such a pattern takes the one for the other; a fold has as many UTF-16 units as its character. Pure.
 */

/** Characters whose case mappings would join or part what a pattern does not. */
const ODD: Readonly<Record<string, string>> = {
  // Its capital is that of `i`, which a pattern does not follow.
  ı: 'ı',
  // Written twice in Unicode: their capitals are several characters.
  '\u1fd3': '\u0390',
  '\u1fe3': '\u03b0',
  '\ufb05': '\ufb06',
};

const isOne = (text: string): boolean => text.length === 1 || (text.length === 2 && text.codePointAt(0)! > 0xffff);

/** Of one character. */
export function foldOf(character: string): string {
  const odd = ODD[character];
  if (odd !== undefined) return odd;
  const upper = character.toUpperCase();
  const from = isOne(upper) ? upper : character;
  const lower = from.toLowerCase();
  return isOne(lower) ? lower : from;
}
