/** What callers are told when the store of the blobs fails. */
import { blobsFault } from '../../ports/blobs.ts';
import { isFull, S3Error } from './errors.ts';

/** What the store fails of becomes UNAVAILABLE, with the store's own words behind it for the log. */
export async function whenAway<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    if (!(thrown instanceof S3Error)) throw thrown;
    throw blobsFault(isFull(thrown) ? 'disk_full' : 'blobs', thrown);
  }
}
