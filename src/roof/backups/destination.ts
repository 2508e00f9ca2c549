/**
 * A destination of backups that fails. Guarantees: what the destination itself does not do (a directory that may not be read, a bucket
 * that does not answer) is told with its name, as what it is and no defect of the server; what is wrong with a content, and
 * what its source did, stays what it was.
 */
import { Fault } from '../../base/faults.ts';
import { codeOf } from '../../base/system-error.ts';
import { BlobError, type BlobSource } from '../../ports/blobs.ts';
import type { Depot } from '../../ports/depot.ts';

const said = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));

/** Of the store of a destination: the port speaks of blobs. */
export const isAway = (thrown: unknown): boolean => thrown instanceof Fault && thrown.data.reason === 'blobs';

/** What a destination did, in words. */
export function saidOf(destination: string, thrown: unknown): string {
  if (!isAway(thrown)) return said(thrown);
  const asked = /[?&]endpoint=/.test(destination) ? '' : '; it names no endpoint, so Amazon was asked';
  return `${destination} is out of reach${destination.startsWith('s3:') ? asked : ''}`;
}

/** UPSTREAM_FAILED, with those words. */
export function unreachable(destination: string, thrown: unknown): Fault {
  const words = isAway(thrown) ? '' : `${destination} cannot be reached: `;
  const message = `The destination ${words}${saidOf(destination, thrown)}`;
  const fault = new Fault('UPSTREAM_FAILED', message, { destination });
  fault.cause = thrown;
  return fault;
}

/** What a destination did not do; what is not its doing is given back as it is. */
function faultOf(destination: string, thrown: unknown): unknown {
  const isOfSystem = !(thrown instanceof BlobError || thrown instanceof Fault) && codeOf(thrown) !== undefined;
  return isOfSystem || isAway(thrown) ? unreachable(destination, thrown) : thrown;
}

/** The same depot, which names its destination where that fails. */
export function naming(destination: string, depot: Depot): Depot {
  const named = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (thrown) {
      throw faultOf(destination, thrown);
    }
  };
  const each = <T>(items: AsyncIterable<T>): AsyncGenerator<T> =>
    passing(items, (thrown) => faultOf(destination, thrown));
  const { blobs, documents } = depot;
  return {
    blobs: {
      put: (source) => put(blobs, source, destination),
      read: (sha256, start, end) => each(blobs.read(sha256, start, end)),
      has: (sha256) => named(() => blobs.has(sha256)),
      delete: (sha256) => named(() => blobs.delete(sha256)),
    },
    hashes: () => each(depot.hashes()),
    documents: {
      put: (name, text) => named(() => documents.put(name, text)),
      get: (name) => named(() => documents.get(name)),
      list: () => named(() => documents.list()),
      remove: (name) => named(() => documents.remove(name)),
    },
    close: () => depot.close(),
  };
}

/** Each of them; what ends them early is told as `failed` says. */
async function* passing<T>(items: AsyncIterable<T>, failed: (thrown: unknown) => unknown): AsyncGenerator<T> {
  try {
    yield* items;
  } catch (thrown) {
    throw failed(thrown);
  }
}

/** The bytes come from a store of their own, whose failure says nothing of this destination. */
async function put(blobs: Depot['blobs'], source: BlobSource, destination: string): Promise<void> {
  let ofSource: unknown;
  const watched = (pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> =>
    passing(pieces, (thrown) => {
      ofSource = thrown;
      return thrown;
    });
  const { size, sha256 } = source;
  const lend = source.lend?.bind(source);
  try {
    await blobs.put({
      size,
      sha256,
      read: (start, end) => watched(source.read(start, end)),
      ...(lend ? { lend: (start: number, end: number) => watched(lend(start, end)) } : {}),
    });
  } catch (thrown) {
    throw ofSource === undefined ? faultOf(destination, thrown) : thrown;
  }
}
