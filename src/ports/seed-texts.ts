/**
 * Texts from outside that are put into the operator's corpus folder (corpus.md §15). Guarantees of every engine: a text is there
 * whole or not at all, and nothing is written outside of the folder, whatever lies in it.
 */
export interface SeedTexts {
  /** Is there a corpus folder? */
  exists(): Promise<boolean>;
  /** Absolute path, without links, of the text of this name; undefined where there is none. */
  find(name: string): Promise<string | undefined>;
  /** Fetches a text by HTTPS and gives its path, as {@link find} would. Fails with {@link SeedNotFetched}. */
  fetch(name: string, url: URL): Promise<string>;
}

/** Its message says why, and may be shown. */
export class SeedNotFetched extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SeedNotFetched';
  }
}
