/** An answer that is a text where its input asks for one: as many pages as there are, one behind the other. */
export interface TextPages<O> {
  /** undefined: the answer is JSON. */
  mediaType(input: unknown): string | undefined;
  piece(output: O): string;
  /** The cursor of the page behind. */
  next(output: O): string | null;
  /** Is it all pages that were asked for? */
  isWhole(input: unknown): boolean;
}
