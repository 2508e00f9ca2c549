/** A depot in a bucket: `<prefix>blobs/<hash>` and `<prefix>documents/<name>`. */
import { assertDocumentName, type Depot, DOCUMENT_BYTES_MAX, type Documents } from '../../ports/depot.ts';
import type { Outbound } from '../../ports/outbound.ts';
import { S3Client } from './client.ts';
import { isMissing } from './errors.ts';
import { whenAway } from './faults.ts';
import { bodyOf, deleteObject, getWhole, listObjects, putObject } from './objects.ts';
import type { S3Place } from './place.ts';
import { openS3Blobs } from './s3-blobs.ts';

const BLOBS = 'blobs/';
const DOCUMENTS = 'documents/';

/** Two connections to the same place, the one for contents closes its own. */
export async function openS3Depot(place: S3Place, outbound: () => Outbound): Promise<Depot> {
  const blobs = await openS3Blobs(place, outbound());
  const own = outbound();
  const s3 = new S3Client(place, own);
  return {
    blobs,
    hashes: () => hashesOf(s3),
    documents: documentsOf(s3),
    close: async () => {
      await blobs.close();
      own.close();
    },
  };
}

async function* namesBelow(s3: S3Client, prefix: string): AsyncGenerator<string> {
  for await (const { objects } of listObjects(s3, { prefix })) {
    for (const { key } of objects) yield key.slice(prefix.length);
  }
}

async function* hashesOf(s3: S3Client): AsyncIterable<string> {
  for await (const name of namesBelow(s3, BLOBS)) if (/^[0-9a-f]{64}$/.test(name)) yield name;
}

const documentsOf = (s3: S3Client): Documents => {
  const keyOf = (name: string): string => {
    assertDocumentName(name);
    return DOCUMENTS + name;
  };
  return {
    put: async (name, text) => {
      const key = keyOf(name);
      await whenAway(() => putObject(s3, key, { body: bodyOf(Buffer.from(text)) }));
    },
    get: async (name) => {
      const key = keyOf(name);
      return whenAway(() => textOf(s3, key));
    },
    list: () =>
      whenAway(async () => {
        const names = [];
        for await (const name of namesBelow(s3, DOCUMENTS)) names.push(name);
        return names.sort();
      }),
    remove: async (name) => {
      const key = keyOf(name);
      await whenAway(() => deleteObject(s3, key));
    },
  };
};

async function textOf(s3: S3Client, key: string): Promise<string | undefined> {
  try {
    const { object, pieces } = await getWhole(s3, key, {});
    const all = [];
    let bytes = 0;
    for await (const piece of pieces) {
      bytes += piece.length;
      if (bytes > DOCUMENT_BYTES_MAX)
        throw new Error(`${key} is no document: it has more than ${DOCUMENT_BYTES_MAX} bytes`);
      all.push(piece);
    }
    if (bytes !== object.size) throw new Error(`${key} ended at byte ${bytes} of ${object.size}`);
    return Buffer.concat(all).toString('utf8');
  } catch (thrown) {
    if (isMissing(thrown)) return undefined;
    throw thrown;
  }
}
