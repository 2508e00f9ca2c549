/** What every engine of the stage must pass. An engine's test calls {@link stageContract} with a way to make a fresh place. */
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type BlobPlace, bytesOf, collect } from './blobs.contract.ts';
import type { Blobs } from './blobs.ts';

const blobOf = (bytes: Uint8Array): { size: number; sha256: string } => ({
  size: bytes.length,
  sha256: createHash('sha256').update(bytes).digest('hex'),
});

export function stageContract(name: string, newPlace: () => Promise<BlobPlace>): void {
  describe(`the stage of ${name}`, () => {
    let place: BlobPlace;
    let blobs: Blobs;
    beforeEach(async () => {
      place = await newPlace();
      blobs = await place.open();
    });
    afterEach(async () => {
      await blobs.close();
      await place.remove();
    });

    const write = async (segment: string, at: number, ...texts: string[]): Promise<void> => {
      const writer = await blobs.stage.open('act', segment, at);
      await writer.write(texts.map(bytesOf));
      await writer.sync();
      await writer.close();
      await writer.close();
    };
    const read = async (segment: string, start: number, end: number): Promise<string> =>
      (await collect(blobs.stage.read('act', segment, { start, end }))).toString();

    test('a segment grows, also by another writer and behind another opening', async () => {
      await write('s1', 0, 'abc', '', 'def');
      await blobs.close();
      blobs = await place.open();
      await write('s1', 6, 'ghi');
      expect(await read('s1', 0, 9)).toBe('abcdefghi');
      expect(await read('s1', 2, 7)).toBe('cdefg');
    });

    test('what lies behind the place where a writer goes on counts no more', async () => {
      await write('s1', 0, 'abcdef');
      await write('s1', 2, 'xyz');
      expect(await read('s1', 0, 5)).toBe('abxyz');
      await write('s1', 0, 'n');
      await expect(read('s1', 0, 2)).rejects.toMatchObject({ code: 'STAGE_MISSING' });
    });

    test('a segment that is shorter than said, or is not there, is missing', async () => {
      await write('s1', 0, 'abc');
      await expect(blobs.stage.open('act', 's1', 4)).rejects.toMatchObject({ code: 'STAGE_MISSING' });
      await expect(blobs.stage.open('act', 's2', 1)).rejects.toMatchObject({ code: 'STAGE_MISSING' });
      await expect(read('s1', 0, 4)).rejects.toMatchObject({ code: 'STAGE_MISSING' });
      await expect(blobs.stage.adopt('act', 's1', blobOf(bytesOf('abcd')))).rejects.toMatchObject({
        code: 'STAGE_MISSING',
      });
    });

    test('adopted it is a blob as long as said, and outlives its act', async () => {
      await write('s1', 0, 'abc, and what was refused');
      const blob = blobOf(bytesOf('abc'));
      await blobs.stage.adopt('act', 's1', blob);
      await blobs.stage.adopt('act', 's1', blob);
      await blobs.stage.remove('act');
      await blobs.stage.remove('act');
      expect(await blobs.has(blob.sha256)).toBe(true);
      expect((await collect(blobs.read(blob.sha256, 0, 3))).toString()).toBe('abc');
      await expect(read('s1', 0, 1)).rejects.toMatchObject({ code: 'STAGE_MISSING' });
      await blobs.delete(blob.sha256);
      expect(await blobs.has(blob.sha256)).toBe(false);
    });

    test('acts are listed from the time on at which they were begun', async () => {
      expect(await blobs.stage.list(Number.MAX_SAFE_INTEGER)).toEqual([]);
      await write('s1', 0, 'abc');
      expect(await blobs.stage.list(Number.MAX_SAFE_INTEGER)).toEqual(['act']);
      expect(await blobs.stage.list(1)).toEqual([]);
    });

    test.each(['', '..', 'a/b', 'A', 'x'.repeat(65)])('%j is no name', async (bad) => {
      expect(() => blobs.stage.read(bad, 's1', { start: 0, end: 1 })).toThrow('is no name');
      expect(() => blobs.stage.read('act', bad, { start: 0, end: 1 })).toThrow('is no name');
    });
  });
}
