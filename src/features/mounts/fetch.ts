/** Content of a store on its way into a state. Guarantees: its hash is that of bytes which one fingerprint stands for. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Operation } from '../../core/operation.ts';
import { type Backend, BackendError, type Entry } from '../../ports/backend.ts';
import type { Blobs } from '../../ports/blobs.ts';
import type { NewBlob } from '../content/content.sql.ts';
import { INLINE_BYTES_MAX, reserve, type Stored } from '../content/content.ts';
import { Digest, digestOfAll } from '../uploads/digests.ts';

export interface Fetching {
  readonly backend: Backend;
  readonly blobs: Blobs;
  readonly signal: AbortSignal;
  /** Announces blobs whose files are about to be stored. */
  readonly announce: Parameters<typeof reserve>[1];
}

export interface Fetched {
  readonly entry: Entry;
  readonly stored: Stored;
}

/** How often a file is read again that changed while it was read. */
const TRIES_MAX = 4;
const AGAIN_MS = 25;

/** Undefined where there is no such file any more. CHANGED where it does not stay as it is for long enough. */
export async function fetchFile(fetching: Fetching, path: string): Promise<Fetched | undefined> {
  for (let tries = 1; ; tries++) {
    try {
      return await readOnce(fetching, path);
    } catch (thrown) {
      if (!(thrown instanceof BackendError)) throw thrown;
      if (thrown.code === 'MISSING' || thrown.code === 'IS_A_DIRECTORY' || thrown.code === 'NOT_A_DIRECTORY')
        return undefined;
      if (thrown.code !== 'CHANGED' || tries === TRIES_MAX) throw thrown;
      await sleep(AGAIN_MS * tries);
    }
  }
}

async function readOnce(fetching: Fetching, path: string): Promise<Fetched> {
  const over = new AbortController();
  try {
    const signal = AbortSignal.any([fetching.signal, over.signal]);
    const { entry, bytes } = await fetching.backend.open(path, { signal });
    return { entry, stored: await keepContent(fetching, { size: entry.size, bytes }) };
  } finally {
    over.abort();
  }
}

/** As many bytes as the entry says, or CHANGED: a store may say one thing and give another. */
async function* exactly(bytes: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array> {
  let at = 0;
  for await (const piece of bytes) {
    at += piece.length;
    if (at > size) break;
    yield piece;
  }
  if (at !== size) throw new BackendError('CHANGED', `${size} bytes came as ${at}`);
}

interface Coming {
  /** Bytes that are said to come. */
  readonly size: number;
  readonly bytes: AsyncIterable<Uint8Array>;
}

type Keeping = Pick<Fetching, 'blobs' | 'announce'>;

/** Bytes of any source, stored for a state that names them. CHANGED where there are more or fewer than was said. */
export async function keepContent(keeping: Keeping, { size, bytes }: Coming): Promise<Stored> {
  const coming = { size, bytes: exactly(bytes, size) };
  return size <= INLINE_BYTES_MAX ? keepInline(coming) : keepBlob(keeping, coming);
}

/** By steps of the server itself. */
export const announceBy = (step: <I, O>(operation: Operation<I, O>, input: I) => Promise<O>): Fetching['announce'] => ({
  run: <I, P, O>(operation: Operation<I, O, P>, ready: P) => step(asStep(operation), ready),
});

/** What is prepared for such an operation is its input. */
const asStep = <I, P, O>(operation: Operation<I, O, P>): Operation<P, O> => operation as unknown as Operation<P, O>;

async function keepInline({ bytes }: Coming): Promise<Stored> {
  const pieces: Uint8Array[] = [];
  for await (const piece of bytes) pieces.push(piece);
  const inline = Buffer.concat(pieces);
  const { sha256, utf8 } = digestOfAll(inline);
  return { sha256, size: inline.length, utf8, encoding: utf8 ? 'utf-8' : 'base64', inline };
}

/** Through the stage, so that it is read once. */
async function keepBlob({ blobs, announce }: Keeping, { size, bytes }: Coming): Promise<Stored> {
  const act = `mount-${randomUUID()}`;
  try {
    const digest = new Digest();
    const writer = await blobs.stage.open(act, 'content', 0);
    try {
      for await (const piece of bytes) {
        digest.update(piece);
        await writer.write([piece]);
      }
      await writer.sync();
    } finally {
      await writer.close();
    }
    const { sha256, utf8 } = digest.end();
    const blob: Omit<NewBlob, 'inline'> = { sha256, size, utf8 };
    await reserve([blob], announce);
    await blobs.stage.adopt(act, 'content', blob);
    return { ...blob, encoding: utf8 ? 'utf-8' : 'base64', inline: null };
  } finally {
    await blobs.stage.remove(act);
  }
}
