/** The digest of bytes that are all there is that of the same bytes in pieces; one that was left is that of its bytes, or nobody's. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Digest, digestOfAll, leaveDigest, takeDigest } from './digests.ts';
import type { Lease } from './upload.ts';

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

const next: Lease = {
  upload_id: 'u',
  token: 9,
  after: 5,
  kind: 'single',
  length: 10,
  received: 3,
  held: null,
  segments: [['s5', 3]],
  segment: 's5',
  sources: [],
};

/** Leaves one of three bytes as the writer of token 5 does, and says what the next lease takes up. */
function leftAndTaken(lease: Lease): Digest | undefined {
  const node = {};
  const digest = new Digest();
  digest.update(Buffer.from('abc'));
  leaveDigest(node, 'u', { digest, token: 5, segments: [['s5', 3]] });
  const taken = takeDigest(node, lease);
  // Whatever came of it, it is not there a second time.
  expect(takeDigest(node, next)).toBeUndefined();
  return taken;
}

test('whoever goes on right behind it takes it up, and nobody else', () => {
  expect(leftAndTaken(next)?.at).toBe(3);
  const others: Partial<Lease>[] = [
    { after: 6 },
    { received: 4 },
    { segments: [['s4', 3]] },
    {
      segments: [
        ['s5', 3],
        ['s9', 0],
      ],
    },
  ];
  for (const other of others) expect(leftAndTaken({ ...next, ...other })).toBeUndefined();
  expect(leftAndTaken({ ...next, received: 0, segments: [] })?.at).toBe(0);
  expect(leftAndTaken({ ...next, held: Buffer.from('abc'), segments: [] })?.at).toBe(0);
});
