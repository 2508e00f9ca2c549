/**
 * Objects that are made of parts. Guarantees: the object is there as a whole or not at all; parts of one that failed are
 * given back, and those that a crash left are found by {@link abortBegun}.
 */
import type { S3Body, S3Client } from './client.ts';
import { isMissing, S3Error } from './errors.ts';
import { bodyOf, decodedKey, headObject, inParallel } from './objects.ts';
import { encodedKey } from './place.ts';
import { childrenOf, rootOf, textOf } from './xml.ts';

/** From this size on an object is made of parts; and of what a store takes for one, the least is below and the most above. */
export const PART_BYTES = 16 * 1024 * 1024;
/** What a part has at least, unless it is the last. */
export const PART_BYTES_MIN = 5 * 1024 * 1024;
const PARTS_MAX = 10_000;

/** Bytes of each part of so many, but of the last. */
export const partBytesOf = (size: number): number => Math.max(PART_BYTES, Math.ceil(size / PARTS_MAX));

/** Bytes of their own, or those of an object of the same bucket. */
export type Part = { readonly body: S3Body } | { readonly from: string; readonly start: number; readonly end: number };

export interface Multipart {
  readonly key: string;
  readonly size: number;
  /** In order. They are asked for one after the other, and sent some at a time. */
  readonly parts: AsyncIterable<Part>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly once?: boolean;
  readonly signal?: AbortSignal | undefined;
}

const SENT_AT_ONCE = 3;

/** Gives the etag of the object. */
export async function putInParts(s3: S3Client, upload: Multipart): Promise<string> {
  const { key, signal } = upload;
  const begun = await s3.text({ method: 'POST', key, query: { uploads: '' }, signal });
  const uploadId = textOf(rootOf(begun, 'InitiateMultipartUploadResult'), 'UploadId');
  try {
    const etags = await sendParts(s3, upload, uploadId);
    return await complete(s3, { ...upload, uploadId, etags });
  } catch (thrown) {
    // What is not given back now is garbage for later.
    await s3.headers({ method: 'DELETE', key, query: { uploadId } }).catch(() => undefined);
    throw thrown;
  }
}

async function sendParts(s3: S3Client, { key, parts, signal }: Multipart, uploadId: string): Promise<string[]> {
  const etags: string[] = [];
  const failed = new AbortController();
  const either = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal;
  const source = parts[Symbol.asyncIterator]();
  let first: { readonly reason: unknown } | undefined;
  let number = 0;
  // The parts come from one generator: whoever is free waits for its next one in turn.
  const worker = async (): Promise<void> => {
    for (;;) {
      const { done, value: part } = await source.next();
      if (done || first) return;
      const at = number++;
      etags[at] = await sendPart(s3, part, { key, query: { partNumber: String(at + 1), uploadId }, signal: either });
    }
  };
  const guarded = (): Promise<void> =>
    worker().catch((reason: unknown) => {
      first ??= { reason };
      failed.abort();
    });
  await Promise.all(Array.from({ length: SENT_AT_ONCE }, guarded));
  await source.return?.();
  if (first) throw first.reason;
  return etags;
}

interface PartPlace {
  readonly key: string;
  readonly query: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

async function sendPart(s3: S3Client, part: Part, place: PartPlace): Promise<string> {
  if ('body' in part) return (await s3.headers({ method: 'PUT', ...place, body: part.body })).etag ?? '';
  const headers = {
    'x-amz-copy-source': `/${s3.place.bucket}/${encodedKey(s3.keyOf(part.from))}`,
    'x-amz-copy-source-range': `bytes=${part.start}-${part.end - 1}`,
  };
  const copied = await s3.text({ method: 'PUT', ...place, headers });
  return textOf(rootOf(copied, 'CopyPartResult'), 'ETag');
}

interface Completion extends Multipart {
  readonly uploadId: string;
  readonly etags: readonly string[];
}

async function complete(s3: S3Client, { uploadId, etags, ...upload }: Completion): Promise<string> {
  const { key, size, headers, once, signal } = upload;
  const parts = etags.map((etag, at) => `<Part><PartNumber>${at + 1}</PartNumber><ETag>${escaped(etag)}</ETag></Part>`);
  const body = bodyOf(Buffer.from(`<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`));
  try {
    // Where the answer is lost and the request sent again, the upload may be gone because it was completed.
    const given = { signal, ...(headers && { headers }), ...(once && { once }) };
    const done = await s3.text({ method: 'POST', key, query: { uploadId }, body, ...given });
    return textOf(rootOf(done, 'CompleteMultipartUploadResult'), 'ETag');
  } catch (thrown) {
    const there = isMissing(thrown) && !once ? await headObject(s3, key, { signal }) : undefined;
    if (there?.size === size) return there.etag;
    throw thrown;
  }
}

const escaped = (text: string): string => text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);

/**
 * Gives back the parts of objects below the prefix that were begun before a time in milliseconds, and never completed. A store
 * that does not tell of them, or not with this key, has to see to it by itself.
 */
export async function abortBegun(s3: S3Client, before: number): Promise<void> {
  try {
    await abortListed(s3, before);
  } catch (thrown) {
    if (!(thrown instanceof S3Error) || thrown.passes) throw thrown;
  }
}

async function abortListed(s3: S3Client, before: number): Promise<void> {
  const query = { uploads: '', prefix: s3.place.prefix, 'encoding-type': 'url' };
  const root = rootOf(await s3.text({ method: 'GET', query }), 'ListMultipartUploadsResult');
  const old = childrenOf(root, 'Upload').filter((each) => Date.parse(textOf(each, 'Initiated')) < before);
  await inParallel(old, async (each) => {
    const key = decodedKey(textOf(each, 'Key')).slice(s3.place.prefix.length);
    await s3
      .headers({ method: 'DELETE', key, query: { uploadId: textOf(each, 'UploadId') } })
      .catch((thrown: unknown) => {
        if (!(thrown instanceof S3Error) || thrown.status !== 404) throw thrown;
      });
  });
}
