/**
 * Every place where one sequence stands in another. Guarantees: time linear in both lengths for every input. The search
 * built into strings is not: a long pattern of one repeated character behind another one makes it compare the pattern
 * at nearly every position.
 *
 * Knuth, Morris, Pratt: Fast pattern matching in strings (1977).
 */

export type Sequence = Uint16Array | Int32Array;

/** UTF-16 units of a text. */
export function unitsOf(text: string): Uint16Array {
  const units = new Uint16Array(text.length);
  for (let i = 0; i < text.length; i++) units[i] = text.charCodeAt(i);
  return units;
}

/** Indexes at which `pattern`, which is not empty, begins in `text`; ascending, overlapping ones too. */
export function occurrences(text: Sequence, pattern: Sequence): number[] {
  const borders = bordersOf(pattern);
  const found: number[] = [];
  let matched = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text[i];
    while (matched > 0 && unit !== pattern[matched]) matched = borders[matched - 1]!;
    if (unit !== pattern[matched]) continue;
    matched++;
    if (matched < pattern.length) continue;
    found.push(i + 1 - matched);
    matched = borders[matched - 1]!;
  }
  return found;
}

/** For each prefix of the pattern, the length of the longest shorter one that also ends it. */
function bordersOf(pattern: Sequence): Int32Array {
  const borders = new Int32Array(pattern.length);
  let border = 0;
  for (let i = 1; i < pattern.length; i++) {
    while (border > 0 && pattern[i] !== pattern[border]) border = borders[border - 1]!;
    if (pattern[i] === pattern[border]) border++;
    borders[i] = border;
  }
  return borders;
}
