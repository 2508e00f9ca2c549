/** The memory of bytes: what is given back is only one's own, and what is alone is the same bytes. */
import { expect, test } from 'vitest';
import { alone, release } from './byte-memory.ts';

test('a piece gives its memory back, a part of a larger buffer is left to the others in it', () => {
  const own = new Uint8Array(100).fill(1);
  const shared = new Uint8Array(100).fill(2);
  const part = shared.subarray(10, 20);
  release([own, part]);
  expect([own.byteLength, own.buffer.byteLength]).toEqual([0, 0]);
  expect([...part]).toEqual(Array(10).fill(2));
  expect(shared.byteLength).toBe(100);
});

test('a small buffer of Node is alone afterwards; what fills most of its memory is not copied', () => {
  const small = Buffer.from('some text');
  expect(small.buffer.byteLength).toBeGreaterThan(1_000);
  const copy = alone(small);
  expect([copy.buffer.byteLength, Buffer.from(copy).toString()]).toEqual([9, 'some text']);
  const large = new Uint8Array(1_000);
  expect(alone(large)).toBe(large);
  expect(alone(large.subarray(400)).buffer).toBe(large.buffer);
  expect(alone(Buffer.alloc(0)).byteLength).toBe(0);
});
