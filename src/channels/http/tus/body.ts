/**
 * The body of a request that uploads. Guarantees: a small body that comes soon is at hand whole; of a larger or slower one
 * the beginning is, and no more than that is held; its checksum is known, at the latest, behind its last byte.
 */
import type { IncomingMessage } from 'node:http';
import { alone } from '../../../base/byte-memory.ts';
import { Fault } from '../../../base/faults.ts';
import type { UploadBody } from '../../../features/uploads/upload.ts';
import { one } from '../request.ts';
import { numberIn } from './headers.ts';

/** What may be kept inline in SQL. */
const HELD_BYTES = 64 * 1024;
/** Milliseconds for which a small body is waited for; then it is taken as it comes. */
const HELD_MS = 1_000;

export type ReadChecksum = (text: string) => ReturnType<UploadBody['checksum']> | undefined;

const EMPTY: UploadBody = {
  held: new Uint8Array(),
  rest: null,
  broken: false,
  size: 0,
  checked: false,
  checksum: () => null,
  stop: () => undefined,
};

export const hasBody = (message: IncomingMessage): boolean =>
  message.headers['transfer-encoding'] !== undefined || (numberIn(message.headers, 'Content-Length') ?? 0) > 0;

export async function takeBody(message: IncomingMessage, readChecksum: ReadChecksum): Promise<UploadBody> {
  const announced = checksumOf(message, readChecksum);
  const stop = (): void => {
    message.socket.destroy();
  };
  const sized = numberIn(message.headers, 'Content-Length') ?? null;
  const common = { ...EMPTY, ...announced, size: sized, stop };
  if (!hasBody(message)) return { ...common, size: 0 };
  return { ...common, ...(await gathered(message, sized)) };
}

async function gathered(
  message: IncomingMessage,
  sized: number | null,
): Promise<Pick<UploadBody, 'held' | 'rest' | 'broken'>> {
  // Small bodies come with their head. Of larger ones nothing is judged before the upload has been looked at.
  if (message.complete && message.readableLength <= HELD_BYTES)
    return { held: joined([...atHand(message)]), rest: null, broken: false };
  // The stream outlives a fault: the answer still has to go out on its connection.
  const pieces = message.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
  const held: Buffer[] = [];
  let bytes = 0;
  const late = Promise.withResolvers<'late'>();
  const timer = setTimeout(() => late.resolve('late'), HELD_MS);
  try {
    while (bytes <= HELD_BYTES && (sized ?? 0) <= HELD_BYTES) {
      const next = pieces.next();
      const came = await Promise.race([next, late.promise]);
      if (came === 'late') return { held: joined(held), rest: following(pieces, next), broken: false };
      if (came.done) return { held: joined(held), rest: null, broken: false };
      held.push(came.value);
      bytes += came.value.length;
    }
    return { held: joined(held), rest: following(pieces, pieces.next()), broken: false };
  } catch {
    return { held: joined(held), rest: null, broken: true };
  } finally {
    clearTimeout(timer);
  }
}

function* atHand(message: IncomingMessage): Generator<Buffer> {
  for (let piece = message.read(); piece !== null; piece = message.read()) yield piece as Buffer;
}

const joined = (pieces: readonly Buffer[]): Uint8Array =>
  alone(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces));

/** `first` was asked for already; where nobody comes for it, nobody is told that it failed. */
function following(pieces: AsyncIterator<Buffer>, first: Promise<IteratorResult<Buffer>>): AsyncIterable<Uint8Array> {
  first.catch(() => undefined);
  return rest(pieces, first);
}

async function* rest(
  pieces: AsyncIterator<Buffer>,
  first: Promise<IteratorResult<Buffer>>,
): AsyncGenerator<Uint8Array> {
  for (let next = await first; !next.done; next = await pieces.next()) yield next.value;
}

/** From a header, or from the trailer where that is announced. */
function checksumOf(message: IncomingMessage, read: ReadChecksum): Pick<UploadBody, 'checked' | 'checksum'> {
  const parsed = (text: string | undefined): ReturnType<UploadBody['checksum']> => {
    const checksum = text === undefined ? undefined : read(text);
    if (checksum) return checksum;
    throw new Fault('BAD_HEADER', 'Upload-Checksum has to be a known algorithm and a digest in Base64', {
      header: 'Upload-Checksum',
    });
  };
  const header = one(message.headers, 'upload-checksum');
  if (header !== undefined) {
    const checksum = parsed(header);
    return { checked: true, checksum: () => checksum };
  }
  const trailers = (one(message.headers, 'trailer') ?? '').split(',').map((name) => name.trim().toLowerCase());
  if (!trailers.includes('upload-checksum')) return { checked: false, checksum: () => null };
  return { checked: true, checksum: () => parsed(message.trailers['upload-checksum']) };
}
