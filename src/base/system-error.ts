/** What the operating system answers when it does not do what it was asked: errors with a code such as ENOENT. */

/** The code of an error that has one. */
export const codeOf = (thrown: unknown): string | undefined =>
  thrown instanceof Error && 'code' in thrown ? String(thrown.code) : undefined;

export const isCode = (thrown: unknown, ...codes: readonly string[]): boolean => codes.includes(codeOf(thrown) ?? '');

/** When the file system has no room: on the device, or none left of the owner's quota. */
export const isDiskFull = (thrown: unknown): boolean => isCode(thrown, 'ENOSPC', 'EDQUOT');

/** For a file that need not be there: undefined where it is not, else throws the same. */
export function unlessMissing(thrown: unknown): undefined {
  if (isCode(thrown, 'ENOENT')) return undefined;
  throw thrown;
}
