/**
 * The hash of an upload as far as it has come, kept between the requests of one process, so that its bytes need not be
 * read again at the end. Guarantees: one is only given back at the offset at which it was left; losing all costs time only.
 */
import { isUtf8 } from 'node:buffer';
import { createHash, hash } from 'node:crypto';
import { Utf8Check } from '../../base/utf8.ts';
import { Remembered } from './remembered.ts';

export interface Digested {
  readonly sha256: string;
  readonly utf8: boolean;
}

export class Digest {
  private readonly hash = createHash('sha256');
  private readonly text = new Utf8Check();
  /** Bytes so far. */
  at = 0;

  update(bytes: Uint8Array): void {
    this.hash.update(bytes);
    this.text.push(bytes);
    this.at += bytes.length;
  }

  end(): Digested {
    this.text.end();
    return { sha256: this.hash.digest('hex'), utf8: this.text.wrongAt < 0 };
  }
}

/** The same of bytes that are all there, in a fifth of the time where they are few. */
export const digestOfAll = (bytes: Uint8Array): Digested => ({
  sha256: hash('sha256', bytes, 'hex'),
  utf8: isUtf8(bytes),
});

const left = new Remembered<Digest>();

/** That of an upload at an offset, which is nobody else's from here on; undefined where the bytes have to be read. */
export function takeDigest(node: object, upload_id: string, at: number): Digest | undefined {
  if (at === 0) return new Digest();
  const digest = left.take(node, upload_id);
  return digest?.at === at ? digest : undefined;
}

export const leaveDigest = (node: object, upload_id: string, digest: Digest): void =>
  left.keep(node, upload_id, digest);
