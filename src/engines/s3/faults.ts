/** What callers are told when the store of the blobs fails. */
import { Fault } from '../../base/faults.ts';
import { isFull, S3Error } from './errors.ts';

/** Seconds after which a store that is away is worth another call. */
const RETRY_SECONDS = 5;

/** What the store fails of becomes UNAVAILABLE, with the store's own words behind it for the log. */
export async function whenAway<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    if (!(thrown instanceof S3Error)) throw thrown;
    const fault = isFull(thrown)
      ? new Fault(
          'UNAVAILABLE',
          'The store of the blobs is full; nothing was stored. Make room in it, then try again.',
          {
            reason: 'disk_full',
            retry_after: RETRY_SECONDS,
          },
        )
      : new Fault('UNAVAILABLE', 'The store of the blobs is out of reach; try again.', {
          reason: 'blobs',
          retry_after: RETRY_SECONDS,
        });
    fault.cause = thrown;
    throw fault;
  }
}
