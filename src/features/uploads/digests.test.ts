/** The digest of bytes that are all there is that of the same bytes in pieces. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Digest, digestOfAll } from './digests.ts';

test('whole or in pieces: one hash, and one answer to whether it is text', () => {
  const text = fc.string({ unit: 'binary' }).map((some) => new Uint8Array(Buffer.from(some)));
  fc.assert(
    fc.property(fc.array(fc.oneof(text, fc.uint8Array({ maxLength: 8 }))), fc.nat(5), (pieces, cut) => {
      const bytes = Buffer.concat(pieces);
      const digest = new Digest();
      for (let at = 0; at < bytes.length; at += cut + 1) digest.update(bytes.subarray(at, at + cut + 1));
      expect(digestOfAll(bytes)).toEqual(digest.end());
    }),
  );
});
