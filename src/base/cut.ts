/** Texts that are told back to whoever sent them. Guarantee: what is cut is well formed, no longer than asked for, and ends in `…`. */

/** Characters of a name that nobody knows, in a message or beside it. */
export const NAME_CHARACTERS = 200;

/** The text, or its beginning. */
export const cut = (text: string, most: number): string =>
  text.length <= most ? text : `${text.slice(0, most - 1).toWellFormed()}…`;
