/**
 * An upload whose bytes are all there becomes content that a file may name. Guarantees: the blob is durable before the
 * transaction that names it; the segments stay until that has committed, so a crash in between loses nothing. A blob has the
 * bytes of its name: a segment becomes one by itself only where nobody else can have it open, and by a hash that was taken of
 * all its bytes as they went there, without a break, or that is taken now, of what is read; anything else is copied, and
 * hashed meanwhile.
 */
import { Fault, faultFromWire } from '../../base/faults.ts';
import type { Streaming } from '../../core/operation.ts';
import type { SegmentWriter } from '../../ports/stage.ts';
import { INLINE_BYTES_MAX, reserve, type Stored } from '../content/content.ts';
import { Digest, type Digested, digestOfAll } from './digests.ts';
import type { Intake } from './intake.ts';
import { finish } from './steps.operations.ts';
import type { Result, Source } from './upload.ts';

/** Bytes that are copied at a time. */
const COPY_BYTES = 512 * 1024;

/** Makes the file. Throws what the file was refused for; the upload is `failed` then. */
export async function makeFile(intake: Intake, streaming: Streaming): Promise<Result> {
  const { upload_id, token, length } = intake.lease;
  await intake.sync();
  const stored = await storedOf(intake, streaming);
  const segments = intake.segments;
  await intake.rest();
  const outcome = await streaming.run(finish, { upload_id, token, length, segments, stored });
  if ('refused' in outcome) throw faultFromWire(outcome.refused);
  await streaming.blobs.stage.remove(upload_id);
  return outcome.result;
}

async function storedOf(intake: Intake, streaming: Streaming): Promise<Stored> {
  const { lease } = intake;
  const own: Source = {
    upload_id: lease.upload_id,
    held: intake.segments.length > 0 ? null : lease.held,
    segments: intake.segments,
  };
  const sources = lease.sources.length > 0 ? lease.sources : [own];
  const size = lease.length ?? intake.received;
  if (size <= INLINE_BYTES_MAX) return inlineOf(sources, size, streaming);
  const [only, ...others] = own.segments;
  // A segment that another writer may still have open is copied: its file is not to become a blob.
  const whole = lease.sources.length === 0 && others.length === 0 && only?.[0] === lease.segment;
  const segment = whole ? lease.segment : `c${lease.token}`;
  const digested = whole
    ? (intake.takeDigest()?.end() ?? (await digestOf(sources, streaming)))
    : await copied(sources, streaming, { act: lease.upload_id, segment });
  const blob = { ...digested, size };
  await reserve([blob], streaming);
  await streaming.blobs.stage.adopt(lease.upload_id, segment, blob);
  return { ...blob, encoding: blob.utf8 ? 'utf-8' : 'base64', inline: null };
}

async function inlineOf(sources: readonly Source[], size: number, streaming: Streaming): Promise<Stored> {
  const pieces: Uint8Array[] = [];
  for await (const piece of bytesOf(sources, streaming)) pieces.push(piece);
  return inlineStored(Buffer.concat(pieces, size));
}

export function inlineStored(bytes: Uint8Array): Stored {
  const { sha256, utf8 } = digestOfAll(bytes);
  return { sha256, size: bytes.length, utf8, encoding: utf8 ? 'utf-8' : 'base64', inline: bytes };
}

/** Ends when nobody waits for the answer any more: an empty PATCH takes the work up again. */
async function* bytesOf(sources: readonly Source[], { blobs, signal }: Streaming): AsyncGenerator<Uint8Array> {
  for (const { upload_id, held, segments } of sources) {
    if (held) yield held;
    for (const [name, size] of segments) {
      // One that was begun and never came to anything may not even be there.
      if (size === 0) continue;
      for await (const piece of blobs.stage.read(upload_id, name, { start: 0, end: size })) {
        if (signal.aborted) throw new Fault('UNAVAILABLE', 'The upload was not put together', { reason: 'stopping' });
        yield piece;
      }
    }
  }
}

async function digestOf(sources: readonly Source[], streaming: Streaming): Promise<Digested> {
  const digest = new Digest();
  for await (const piece of bytesOf(sources, streaming)) digest.update(piece);
  return digest.end();
}

async function copied(
  sources: readonly Source[],
  streaming: Streaming,
  to: { readonly act: string; readonly segment: string },
): Promise<Digested> {
  const digest = new Digest();
  const writer: SegmentWriter = await streaming.blobs.stage.open(to.act, to.segment, 0);
  try {
    let gathered: Uint8Array[] = [];
    let bytes = 0;
    for await (const piece of bytesOf(sources, streaming)) {
      digest.update(piece);
      gathered.push(piece);
      bytes += piece.length;
      if (bytes < COPY_BYTES) continue;
      await writer.write(gathered);
      [gathered, bytes] = [[], 0];
    }
    if (bytes > 0) await writer.write(gathered);
    await writer.sync();
    return digest.end();
  } finally {
    await writer.close();
  }
}
