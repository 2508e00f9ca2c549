/** The search by words against a look at each byte. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nextSpecial, runView } from './plain-run.ts';

const isSpecial = (byte: number): boolean => byte < 0x20 || byte === 0x22 || byte === 0x5c;

function naive(bytes: Uint8Array, from: number): number {
  const found = bytes.findIndex((byte, index) => index >= from && isSpecial(byte));
  return found < 0 ? bytes.length : found;
}

test('every byte value is told apart at every place of a word', () => {
  for (let byte = 0; byte < 256; byte++) {
    for (let at = 32; at < 52; at++) {
      const bytes = new Uint8Array(80).fill(0x61);
      bytes[at] = byte;
      expect(nextSpecial(runView(bytes), 0)).toBe(isSpecial(byte) ? at : 80);
    }
  }
});

test('agrees with a look at each byte, at any address, length and start', () => {
  const sparse = fc.oneof(
    { weight: 60, arbitrary: fc.constantFrom(0x20, 0x21, 0x23, 0x5b, 0x5d, 0x61, 0x7f, 0x80, 0xa2, 0xdc, 0xff) },
    { weight: 1, arbitrary: fc.nat({ max: 255 }) },
  );
  fc.assert(
    fc.property(
      fc.array(sparse, { maxLength: 150 }),
      fc.nat({ max: 7 }),
      fc.nat({ max: 160 }),
      (values, shift, start) => {
        const bytes = new Uint8Array(values.length + shift).subarray(shift);
        bytes.set(values);
        const from = Math.min(start, bytes.length);
        expect(nextSpecial(runView(bytes), from)).toBe(naive(bytes, from));
      },
    ),
    { numRuns: 3000 },
  );
});
