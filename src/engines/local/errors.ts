/** What the errors of the operating system are to those who use a backend. */
import { codeOf, isDiskFull } from '../../base/system-error.ts';
import { BackendError, type BackendErrorCode } from '../../ports/backend.ts';

const CODES: Readonly<Record<string, readonly [BackendErrorCode, string]>> = {
  ENOENT: ['MISSING', 'is not there'],
  ENOTDIR: ['NOT_A_DIRECTORY', 'is no directory'],
  EISDIR: ['IS_A_DIRECTORY', 'is a directory'],
  ENOTEMPTY: ['NOT_EMPTY', 'is not empty'],
  EEXIST: ['CHANGED', 'was made by somebody else'],
  ELOOP: ['CHANGED', 'was swapped for a link'],
  ENXIO: ['REFUSED', 'is no file'],
  ENAMETOOLONG: ['REFUSED', 'is too long a name for the file system'],
  EINVAL: ['REFUSED', 'is nothing that the file system takes'],
  EILSEQ: ['REFUSED', 'is no name that the file system takes'],
  EFBIG: ['REFUSED', 'is larger than the file system takes'],
  EACCES: ['REFUSED', 'may not be touched by the server'],
  EPERM: ['REFUSED', 'may not be touched by the server'],
  EROFS: ['REFUSED', 'lies on a file system that is read-only'],
};

/** The failure of a call about `what`, which messages name. */
export function failed(thrown: unknown, what: string): BackendError {
  if (thrown instanceof BackendError) return thrown;
  if (isDiskFull(thrown)) return new BackendError('FULL', 'no room is left on the file system', thrown);
  const code = codeOf(thrown) ?? '';
  const [known, words] = CODES[code] ?? ['UNREACHABLE', `could not be reached (${code || 'unknown'})`];
  return new BackendError(known, `${what || 'the root'} ${words}`, thrown);
}

/** Ends what is no longer asked for. */
export function goOn(signal: AbortSignal): void {
  if (signal.aborted) throw new BackendError('UNREACHABLE', 'the call took too long', signal.reason);
}
