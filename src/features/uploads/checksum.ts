/** Checksums of a request's body (TUS 1.0.0, extension checksum). */
import { createHash } from 'node:crypto';
import { decodeBase64 } from '../../base/base64.ts';

/** In the order in which they are told. */
export const ALGORITHMS = ['sha1', 'sha256', 'md5', 'crc32c'] as const;
type Algorithm = (typeof ALGORITHMS)[number];

export interface Checksum {
  readonly algorithm: Algorithm;
  readonly digest: Uint8Array;
}

/** `<algorithm> <Base64>`; undefined for anything else. */
export function parseChecksum(text: string): Checksum | undefined {
  const [name, encoded, ...more] = text.trim().split(' ');
  const algorithm = ALGORITHMS.find((one) => one === name);
  const digest = encoded === undefined ? undefined : decodeBase64(encoded);
  if (!algorithm || !digest || more.length > 0) return undefined;
  return { algorithm, digest };
}

export async function hasChecksum(
  bytes: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  { algorithm, digest }: Checksum,
): Promise<boolean> {
  const hash = algorithm === 'crc32c' ? new Crc32c() : createHash(algorithm);
  for await (const piece of bytes) hash.update(piece);
  return Buffer.from(hash.digest()).equals(digest);
}

/** CRC-32C (RFC 9260, appendix A), whose polynomial reversed is 0x82f63b78. */
class Crc32c {
  #value = 0xffffffff;

  update(bytes: Uint8Array): void {
    let value = this.#value;
    for (const byte of bytes) value = (TABLE[(value ^ byte) & 0xff] ?? 0) ^ (value >>> 8);
    this.#value = value;
  }

  /** Four bytes, big-endian. */
  digest(): Buffer {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE((this.#value ^ 0xffffffff) >>> 0);
    return bytes;
  }
}

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let value = n;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value;
});
