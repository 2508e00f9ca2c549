/**
 * A destination of backups that fails. Guarantees: what the place itself does not do (a directory that may not be read, a bucket
 * that does not answer) is told with its name, as what it is and no defect of the server; what is wrong with a content, and
 * what its source did, stays what it was.
 */
import { Fault } from '../../base/faults.ts';
import { codeOf } from '../../base/system-error.ts';
import { BlobError, type BlobSource } from '../../ports/blobs.ts';
import type { Depot } from '../../ports/depot.ts';

const said = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));

/** What the port says of a store that does not answer is of the blobs. */
export function saidOf(destination: string, thrown: unknown): string {
  if (!isOfStore(thrown)) return said(thrown);
  const asked = /[?&]endpoint=/.test(destination) ? '' : '; it names no endpoint, so Amazon was asked';
  return `${destination} is out of reach${destination.startsWith('s3:') ? asked : ''}`;
}

/** UPSTREAM_FAILED, with the words of the place. */
export function unreachable(destination: string, thrown: unknown): Fault {
  const words = isOfStore(thrown) ? 'it does not answer' : said(thrown);
  const fault = new Fault('UPSTREAM_FAILED', `The destination ${destination} cannot be reached: ${words}`, {
    destination,
  });
  fault.cause = thrown;
  return fault;
}

const isOfStore = (thrown: unknown): boolean => thrown instanceof Fault && thrown.data.reason === 'blobs';

/** What a place did not do; what is of no place is given back as it is. */
function placeFault(destination: string, thrown: unknown): unknown {
  const isOfSystem = !(thrown instanceof BlobError || thrown instanceof Fault) && codeOf(thrown) !== undefined;
  return isOfSystem || isOfStore(thrown) ? unreachable(destination, thrown) : thrown;
}

/** A depot that names its place where that fails. */
export function atPlace(destination: string, depot: Depot): Depot {
  const named = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (thrown) {
      throw placeFault(destination, thrown);
    }
  };
  async function* each<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
    try {
      yield* items;
    } catch (thrown) {
      throw placeFault(destination, thrown);
    }
  }
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

/** The bytes come from a store of their own, whose failure says nothing of this place. */
async function put(blobs: Depot['blobs'], source: BlobSource, destination: string): Promise<void> {
  let ofSource: unknown;
  async function* watched(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      yield* pieces;
    } catch (thrown) {
      ofSource = thrown;
      throw thrown;
    }
  }
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
    throw ofSource === undefined ? placeFault(destination, thrown) : thrown;
  }
}
