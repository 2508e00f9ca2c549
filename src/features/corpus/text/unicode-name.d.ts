/** What is used of a package that has no types. */
declare module 'unicode-name' {
  /** Undefined for what has none, as control characters. */
  export function unicodeBaseName(character: string): string | undefined;
}
