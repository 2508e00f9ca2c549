/** Strictness against a regular expression of the grammar, in memory and through a spool, and the borders of pieces. */
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { decodeBase64, decodeSpooledBase64 } from './base64-spool.ts';
import { type CountedHome, collect, countedHome, spooled } from './spool.fixture.ts';
import { SpooledText } from './spool.ts';

let home: CountedHome;
beforeEach(() => {
  home = countedHome();
});
afterEach(() => {
  expect(home.held()).toBe(0);
  expect(home.leftovers()).toEqual([]);
  home.remove();
});

const STRICT = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

const nearlyBase64 = fc.oneof(
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('base64')),
  fc.string({ unit: fc.constantFrom(...'AZaz09+/'), maxLength: 24 }),
  fc.string({ unit: fc.constantFrom(...'AQz+/==-_ \n.é€'), maxLength: 12 }),
  fc
    .tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.nat(), fc.constantFrom(...'=-_ \n.é€\u0000'))
    .map(([bytes, at, other]) => {
      const text = Buffer.from(bytes).toString('base64');
      const place = at % text.length;
      return text.slice(0, place) + other + text.slice(place + 1);
    }),
);

/** Decodes through a spool, and closes what it made. */
async function throughSpool(text: string): Promise<Buffer> {
  const { bytes, room } = await spooled(home, Buffer.from(text));
  try {
    const decoded = await decodeSpooledBase64(new SpooledText(bytes, false), { room, path: 'content' });
    expect(home.held()).toBe(decoded.size);
    return await collect(decoded.read());
  } finally {
    await room.close();
  }
}

describe('base64', () => {
  test('is taken exactly when it is strict, in memory and through a spool alike', async () => {
    await fc.assert(
      fc.asyncProperty(nearlyBase64, async (text) => {
        if (STRICT.test(text)) {
          const bytes = Buffer.from(text, 'base64');
          expect(decodeBase64(text, 'content').equals(bytes)).toBe(true);
          expect((await throughSpool(text)).equals(bytes)).toBe(true);
        } else {
          const refusal = { code: 'INVALID_PARAMS', data: { issues: [{ path: 'content' }] } };
          expect(() => decodeBase64(text, 'content')).toThrow(expect.objectContaining({ code: 'INVALID_PARAMS' }));
          await expect(throughSpool(text)).rejects.toMatchObject(refusal);
        }
      }),
      { numRuns: 400 },
    );
  });

  test.each([49_150, 49_151, 49_152, 49_153, 98_304, 200_000])('of %i bytes comes back over pieces', async (size) => {
    const content = randomBytes(size);
    expect((await throughSpool(content.toString('base64'))).equals(content)).toBe(true);
  });

  test('ignores spare bits of the last character', () => {
    expect(decodeBase64('QR==', 'content').toString()).toBe('A');
  });

  test('may not end and begin again where a piece of the spool ends', async () => {
    const piece = `${'A'.repeat(64 * 1024 - 4)}QQ==`;
    await expect(throughSpool(piece + piece)).rejects.toMatchObject({ code: 'INVALID_PARAMS' });
  });
});
