/** Objects below the prefix of a place: one request each, or one for each page. */
import { createHash, hash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { piecesOf, type S3Body, type S3Client } from './client.ts';
import { isMissing, S3Error } from './errors.ts';
import { childrenOf, rootOf, textOf } from './xml.ts';

export interface S3Object {
  /** Below the prefix. */
  readonly key: string;
  readonly size: number;
  /** As the store writes it, with its quotes. */
  readonly etag: string;
  /** Milliseconds, by the store's clock, which may count whole seconds. */
  readonly modified_at: number;
}

export interface ListPage {
  readonly objects: readonly S3Object[];
  /** Below the prefix, up to and with the delimiter. */
  readonly prefixes: readonly string[];
}

export interface ListOptions {
  readonly prefix: string;
  readonly delimiter?: '/' | undefined;
  readonly max?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface Given {
  readonly headers?: Readonly<Record<string, string>>;
  readonly once?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export function bodyOf(bytes: Uint8Array): S3Body {
  return {
    size: bytes.length,
    sha256: hash('sha256', bytes),
    async *read() {
      yield bytes;
    },
  };
}

const objectOf = (key: string, headers: IncomingHttpHeaders): S3Object => ({
  key,
  size: Number(headers['content-length'] ?? 0),
  etag: headers.etag ?? '',
  modified_at: Date.parse(headers['last-modified'] ?? '') || 0,
});

export async function headObject(s3: S3Client, key: string, given: Given = {}): Promise<S3Object | undefined> {
  try {
    return objectOf(key, await s3.headers({ method: 'HEAD', key, ...given }));
  } catch (thrown) {
    if (isMissing(thrown)) return undefined;
    throw await inWords(s3, key, { thrown, given });
  }
}

/** Statuses that may mean a key of the bucket, or the whole of it. */
const WORDLESS: readonly number[] = [400, 403];

/** An answer to HEAD has no body, so the status alone says what is wrong: the same refusal of GET says it in a word. */
async function inWords(
  s3: S3Client,
  key: string,
  { thrown, given }: { readonly thrown: unknown; readonly given: Given },
): Promise<unknown> {
  if (!(thrown instanceof S3Error) || !WORDLESS.includes(thrown.status)) return thrown;
  const told = await getObject(s3, key, { ...given, start: 0, end: 1 }).then(
    async ({ pieces }) => void (await pieces.return(undefined)),
    (again: unknown) => again,
  );
  return told instanceof S3Error && told.status === thrown.status ? told : thrown;
}

export interface OpenObject {
  readonly object: S3Object;
  readonly pieces: AsyncGenerator<Uint8Array>;
}

/** All bytes of an object. */
export function getWhole(s3: S3Client, key: string, given: Given): Promise<OpenObject> {
  return s3.send({ method: 'GET', key, ...given }, async (response) => ({
    object: objectOf(key, response.headers),
    pieces: piecesOf(response),
  }));
}

/** Bytes [start, end), cut at the end of the object, with what is known of the whole; 416 where it ends before `start`. */
export function getObject(
  s3: S3Client,
  key: string,
  { start, end, ...given }: Given & { readonly start: number; readonly end: number },
): Promise<OpenObject> {
  const headers = { ...given.headers, range: `bytes=${start}-${end - 1}` };
  return s3.send({ method: 'GET', key, ...given, headers }, async (response) => {
    const whole = /^bytes (\d+)-\d+\/(\d+)$/.exec(response.headers['content-range'] ?? '');
    if (!whole || Number(whole[1]) !== start) {
      response.destroy();
      throw new S3Error(
        { status: 0, code: 'UnknownAnswer' },
        'the store does not answer the range that it was asked for',
      );
    }
    const object = { ...objectOf(key, response.headers), size: Number(whole[2]) };
    return { object, pieces: piecesOf(response) };
  });
}

/** Gives the etag. */
export async function putObject(s3: S3Client, key: string, given: Given & { readonly body: S3Body }): Promise<string> {
  return (await s3.headers({ method: 'PUT', key, ...given })).etag ?? '';
}

/** Deletes it, or finds it gone. */
export async function deleteObject(s3: S3Client, key: string, given: Given = {}): Promise<void> {
  await s3.headers({ method: 'DELETE', key, ...given }).catch((thrown: unknown) => {
    if (!isMissing(thrown) || (thrown instanceof S3Error && thrown.code === 'NoSuchBucket')) throw thrown;
  });
}

/** In the order of the bytes of their keys. */
export async function* listObjects(s3: S3Client, options: ListOptions): AsyncGenerator<ListPage> {
  const { prefix, delimiter, max, signal } = options;
  const { length } = s3.place.prefix;
  for (let token = ''; ; ) {
    const query = {
      'list-type': '2',
      // Without it a key with a control character would be no XML.
      'encoding-type': 'url',
      prefix: s3.keyOf(prefix),
      ...(delimiter && { delimiter }),
      ...(max && { 'max-keys': String(max) }),
      ...(token && { 'continuation-token': token }),
    };
    const root = rootOf(await s3.text({ method: 'GET', query, signal }), 'ListBucketResult');
    const plain = textOf(root, 'EncodingType') === 'url' ? decodedKey : (text: string) => text;
    yield {
      objects: childrenOf(root, 'Contents').map((each) => ({
        key: plain(textOf(each, 'Key')).slice(length),
        size: Number(textOf(each, 'Size')) || 0,
        etag: textOf(each, 'ETag'),
        modified_at: Date.parse(textOf(each, 'LastModified')) || 0,
      })),
      prefixes: childrenOf(root, 'CommonPrefixes').map((each) => plain(textOf(each, 'Prefix')).slice(length)),
    };
    token = textOf(root, 'NextContinuationToken');
    if (textOf(root, 'IsTruncated') !== 'true' || token === '') return;
  }
}

/** A key as stores write one where it is asked for in the form of URLs. */
export function decodedKey(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch (cause) {
    throw new S3Error({ status: 0, code: 'UnknownAnswer' }, 'the store answered a key that is none', cause);
  }
}

/** Deletes everything that begins with a prefix, some at a time. */
export async function deleteBelow(s3: S3Client, prefix: string, signal?: AbortSignal): Promise<void> {
  for await (const { objects } of listObjects(s3, { prefix, signal })) {
    await inParallel(objects, ({ key }) => deleteObject(s3, key, { signal }));
  }
}

const AT_ONCE = 8;

/** Work for each of a list, some at a time; the first failure is told when what had begun has ended. */
export async function inParallel<T>(list: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const waiting = list.values();
  const worker = async (): Promise<void> => {
    for (const item of waiting) await work(item);
  };
  const ended = await Promise.allSettled(Array.from({ length: Math.min(AT_ONCE, list.length) }, worker));
  for (const one of ended) if (one.status === 'rejected') throw one.reason;
}

/** The hash of bytes that are read once for it. */
export async function sha256Of(pieces: AsyncIterable<Uint8Array>, also?: (piece: Uint8Array) => void): Promise<string> {
  const digest = createHash('sha256');
  for await (const piece of pieces) {
    digest.update(piece);
    also?.(piece);
  }
  return digest.digest('hex');
}
