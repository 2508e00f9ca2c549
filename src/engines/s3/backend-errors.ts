/** What the errors of a store are to those who use it as a backend. */
import { BackendError } from '../../ports/backend.ts';
import { OutboundRefused } from '../../ports/outbound.ts';
import { isAbort } from './client.ts';
import { isFull, isShut, S3Error } from './errors.ts';

/** Does work about `what`, which messages name. What is not the store's failure comes out as it is. */
export async function asBackend<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    throw failed(thrown, what || 'the root');
  }
}

export function failed(thrown: unknown, what: string): unknown {
  if (isAbort(thrown)) return new BackendError('UNREACHABLE', 'the call took too long', thrown);
  if (thrown instanceof OutboundRefused) return new BackendError('UNREACHABLE', thrown.message, thrown);
  if (!(thrown instanceof S3Error)) return thrown;
  const { status, code, message } = thrown;
  if (isFull(thrown)) return new BackendError('FULL', 'no room is left in the bucket', thrown);
  if (code === 'NoSuchBucket') return new BackendError('UNREACHABLE', 'the bucket is not there any more', thrown);
  if (status === 404) return new BackendError('MISSING', `${what} is not there`, thrown);
  if (status === 409 || status === 412) return new BackendError('CHANGED', `${what} is not what it was`, thrown);
  // What has to do with what was asked for is refused; else the bucket is out of reach, whatever is asked for.
  const isAbout = status >= 400 && status < 500 && !thrown.passes && !isShut(thrown);
  if (isAbout) return new BackendError('REFUSED', `${what}: ${message}`, thrown);
  return new BackendError('UNREACHABLE', `the bucket could not be reached (${code})`, thrown);
}

/** Ends what is no longer asked for. */
export function goOn(signal: AbortSignal): void {
  if (signal.aborted) throw new BackendError('UNREACHABLE', 'the call took too long', signal.reason);
}
