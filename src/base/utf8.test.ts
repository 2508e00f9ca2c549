/** The verdict over chunks against the one over the whole, and the place that it names. */
import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cut, cuts } from '../channels/http/body/spool.fixture.ts';
import { Utf8Check } from './utf8.ts';

function wrongAt(chunks: Uint8Array[]): number {
  const check = new Utf8Check();
  for (const chunk of chunks) check.push(chunk);
  check.end();
  return check.wrongAt;
}

/** Text with a few bytes of it changed: most of it stays valid up to somewhere. */
const nearlyText = fc
  .tuple(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 2 }),
  )
  .map(([text, changes]) => {
    const bytes = Buffer.from(text);
    for (const [at, byte] of changes) if (bytes.length > 0) bytes[at % bytes.length] = byte;
    return bytes;
  });

describe('UTF-8 over chunks', () => {
  test('is judged as a whole, wherever it is cut', () => {
    fc.assert(
      fc.property(nearlyText, cuts(), (bytes, at) => {
        const wrong = wrongAt(cut(bytes, at));
        expect(wrong < 0).toBe(isUtf8(bytes));
        expect(wrong).toBe(wrongAt([bytes]));
      }),
      { numRuns: 2000 },
    );
  });

  test('names the first character that is wrong', () => {
    fc.assert(
      fc.property(nearlyText, (bytes) => {
        const wrong = wrongAt([bytes]);
        fc.pre(wrong >= 0);
        expect(isUtf8(bytes.subarray(0, wrong))).toBe(true);
        for (let more = 1; more <= 4; more++) expect(isUtf8(bytes.subarray(wrong, wrong + more))).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ['overlong', 'c0af', 0],
    ['overlong of three', '61e08080', 1],
    ['surrogate', '6161eda080', 2],
    ['above U+10FFFF', 'f4908080', 0],
    ['bare continuation', '6180', 1],
    ['cut off at the end', '61f09f98', 1],
    ['sound', 'f09f9880', -1],
  ])('%s', (_name, hex, position) => {
    const bytes = Buffer.from(hex, 'hex');
    expect(wrongAt([bytes])).toBe(position);
    expect(wrongAt([...bytes].map((byte) => Buffer.of(byte)))).toBe(position);
  });
});
