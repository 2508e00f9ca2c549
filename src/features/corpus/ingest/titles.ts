/** Titles and stems of documents (corpus.md §6, §7). Pure. */

/** Without the extension: the stem ends at the last dot that is not the first character. */
export function titleStem(title: string): string {
  const dot = title.lastIndexOf('.');
  return dot > 0 ? title.slice(0, dot) : title;
}

/** By which variants find one another. */
export const variantStem = (title: string): string =>
  titleStem(title)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
