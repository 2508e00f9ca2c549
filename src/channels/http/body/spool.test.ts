/** What comes back from a spool, and that files and budget are given back whatever happens. */
import { isUtf8 } from 'node:buffer';
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type CountedHome, collect, countedHome, cut, cuts, spooled } from './spool.fixture.ts';
import { Spool, SpoolRoom, throwStorageFault } from './spool.ts';

let home: CountedHome;
beforeEach(() => {
  home = countedHome();
});
afterEach(() => {
  home.remove();
});

/** Sizes on both sides of one buffer and of several. */
const sizes = fc.oneof(
  fc.nat({ max: 50 }),
  fc.integer({ min: 256 * 1024 - 2, max: 256 * 1024 + 2 }),
  fc.nat({ max: 900_000 }),
);

describe('a spool', () => {
  test('gives back what was written, with its size, hash and kind', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, cuts(), fc.boolean(), async (size, at, text) => {
        const content = text ? Buffer.from('aé漢😀'.repeat(Math.ceil(size / 10))).subarray(0, size) : randomBytes(size);
        const room = new SpoolRoom(home);
        const spool = await Spool.open(room);
        for (const chunk of cut(content, at)) {
          const lent = Buffer.from(chunk);
          await spool.write(lent);
          lent.fill(0);
        }
        const bytes = await spool.close();
        expect(bytes.size).toBe(size);
        expect(home.held()).toBe(size);
        expect(bytes.sha256).toBe(createHash('sha256').update(content).digest('hex'));
        expect(bytes.utf8).toBe(isUtf8(content));
        expect((await collect(bytes.read())).equals(content)).toBe(true);
        const [start, end] = [Math.floor(size / 3), Math.floor(size / 2)];
        expect((await collect(bytes.read(start, end))).equals(content.subarray(start, end))).toBe(true);
        expect((await collect(bytes.read(start, size + 10))).equals(content.subarray(start))).toBe(true);
        await bytes.close();
        await bytes.close();
        expect(home.held()).toBe(0);
      }),
      { numRuns: 40 },
    );
    expect(home.leftovers()).toEqual([]);
  });

  test('reads in pieces of at most 64 KiB that stay as they were', async () => {
    const content = randomBytes(300_000);
    const { bytes, room } = await spooled(home, content);
    const pieces: Uint8Array[] = [];
    for await (const piece of bytes.read()) pieces.push(piece);
    expect(Math.max(...pieces.map((piece) => piece.length))).toBe(64 * 1024);
    expect(Buffer.concat(pieces).equals(content)).toBe(true);
    await room.close();
  });

  test('lends pieces that are gone when the next one is asked for', async () => {
    const content = randomBytes(300_000);
    const { bytes, room } = await spooled(home, content);
    const pieces: Uint8Array[] = [];
    const seen: Buffer[] = [];
    for await (const piece of bytes.lend(1000, 290_000)) {
      expect(pieces.map(({ length }) => length)).toEqual(pieces.map(() => 0));
      pieces.push(piece);
      seen.push(Buffer.from(piece));
    }
    expect(pieces.length).toBe(5);
    expect(Buffer.concat(seen).equals(content.subarray(1000, 290_000))).toBe(true);
    await room.close();
  });

  test('has no name while it is open', async () => {
    const room = new SpoolRoom(home);
    await Spool.open(room);
    expect(readdirSync(home.directory)).toEqual([]);
    await room.close();
  });

  test('takes nothing that the budget refuses, and gives back what it had', async () => {
    const small = countedHome(100);
    const room = new SpoolRoom(small);
    const spool = await Spool.open(room);
    await spool.write(Buffer.alloc(60));
    await expect(spool.write(Buffer.alloc(41))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(small.held()).toBe(60);
    await spool.remove();
    await spool.remove();
    expect(small.held()).toBe(0);
    expect(small.leftovers()).toEqual([]);
    small.remove();
  });

  test('is no more to be written or read once it is removed', async () => {
    const room = new SpoolRoom(home);
    const spool = await Spool.open(room);
    await spool.remove();
    await expect(spool.write(Buffer.alloc(1))).rejects.toThrow('removed');
    const { bytes } = await spooled(home, Buffer.alloc(10));
    await bytes.close();
    await expect(collect(bytes.read())).rejects.toThrow('closed');
  });
});

describe('a room', () => {
  test('that closes in the middle of a write ends it, and gives back what it took', async () => {
    const room = new SpoolRoom(home);
    const spool = await Spool.open(room);
    const [writing] = await Promise.allSettled([spool.write(randomBytes(900_000)), room.close()]);
    expect(writing).toMatchObject({ status: 'rejected', reason: { message: 'write to a removed spool' } });
    expect(home.held()).toBe(0);
    expect(home.leftovers()).toEqual([]);
  });

  test('frees finished, unfinished and half-written spools', async () => {
    const room = new SpoolRoom(home);
    const done = await Spool.open(room);
    await done.write(randomBytes(400_000));
    await done.close();
    const half = await Spool.open(room);
    await half.write(randomBytes(400_000));
    await Spool.open(room);
    expect(home.held()).toBe(800_000);
    await room.close();
    await room.close();
    expect(home.held()).toBe(0);
    expect(home.leftovers()).toEqual([]);
  });

  test('that is closed takes no new spool', async () => {
    const room = new SpoolRoom(home);
    await room.close();
    await expect(Spool.open(room)).rejects.toThrow('over');
    expect(home.leftovers()).toEqual([]);
  });
});

describe('a failing disk', () => {
  test.each(['ENOSPC', 'EDQUOT'])('%s is UNAVAILABLE with its reason', (code) => {
    const thrown = Object.assign(new Error('write'), { code });
    expect(() => throwStorageFault(thrown)).toThrow(
      expect.objectContaining({ code: 'UNAVAILABLE', data: { reason: 'disk_full' } }),
    );
  });

  test('any other error stays what it is', () => {
    const thrown = Object.assign(new Error('write'), { code: 'EIO' });
    expect(() => throwStorageFault(thrown)).toThrow(thrown);
  });
});
