/**
 * The hash of an upload as far as it has come, kept between the requests of one process, so that its bytes need not be
 * read again at the end. Guarantees: one is only given back at the offset at which it was left; losing all costs time only.
 */
import { createHash } from 'node:crypto';
import { Utf8Check } from '../../base/utf8.ts';

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

/** Those of uploads that nobody has gone on with for longest are forgotten. */
const KEPT_MOST = 1_000;

const ofNodes = new WeakMap<object, Map<string, Digest>>();

function kept(node: object): Map<string, Digest> {
  const known = ofNodes.get(node) ?? new Map<string, Digest>();
  ofNodes.set(node, known);
  return known;
}

/** That of an upload at an offset, which is nobody else's from here on; undefined where the bytes have to be read. */
export function takeDigest(node: object, upload_id: string, at: number): Digest | undefined {
  if (at === 0) return new Digest();
  const digest = kept(node).get(upload_id);
  kept(node).delete(upload_id);
  return digest?.at === at ? digest : undefined;
}

export function leaveDigest(node: object, upload_id: string, digest: Digest): void {
  const all = kept(node);
  all.set(upload_id, digest);
  const oldest = all.size > KEPT_MOST ? all.keys().next().value : undefined;
  if (oldest !== undefined) all.delete(oldest);
}
