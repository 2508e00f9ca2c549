/** Numbers of things, in words of people. */

/** `1 file`, `2 files`, `1 directory`, `2 directories`, `1 branch`, `2 branches`. */
export const plural = (count: number, noun: string): string => `${count} ${count === 1 ? noun : manyOf(noun)}`;

const manyOf = (noun: string): string =>
  noun.endsWith('y') ? `${noun.slice(0, -1)}ies` : `${noun}${/(ch|x)$/.test(noun) ? 'es' : 's'}`;
