/** The Range header, as a table. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { rangeOf } from './byte-range.ts';

describe('a Range header', () => {
  test.each([
    [undefined, 10, 'whole'],
    ['', 10, 'whole'],
    ['bytes=0-3', 10, { start: 0, end: 4 }],
    ['bytes=3-3', 10, { start: 3, end: 4 }],
    ['bytes=9-9', 10, { start: 9, end: 10 }],
    ['bytes=0-', 10, { start: 0, end: 10 }],
    ['bytes=4-', 10, { start: 4, end: 10 }],
    ['bytes=4-1000', 10, { start: 4, end: 10 }],
    ['bytes=4-99999999999999999999999999', 10, { start: 4, end: 10 }],
    ['bytes=-3', 10, { start: 7, end: 10 }],
    ['bytes=-10', 10, { start: 0, end: 10 }],
    ['bytes=-1000', 10, { start: 0, end: 10 }],
    ['BYTES = 0 - 3 ', 10, { start: 0, end: 4 }],
    ['bytes=0-3,', 10, { start: 0, end: 4 }],
    ['bytes=10-', 10, 'none'],
    ['bytes=10-20', 10, 'none'],
    ['bytes=99999999999999999999999999-', 10, 'none'],
    ['bytes=-0', 10, 'none'],
    ['bytes=0-', 0, 'none'],
    ['bytes=0-0', 0, 'none'],
    ['bytes=-5', 0, 'whole'],
    ['bytes=0-1,4-5', 10, 'whole'],
    ['bytes=0-1,100-200', 10, 'whole'],
    ['bytes=100-200,300-', 10, 'none'],
    ['bytes=5-2', 10, 'whole'],
    ['bytes=', 10, 'whole'],
    ['bytes=-', 10, 'whole'],
    ['bytes=a-b', 10, 'whole'],
    ['bytes=1-2-3', 10, 'whole'],
    ['bytes=+1-2', 10, 'whole'],
    ['lines=0-3', 10, 'whole'],
    ['bytes 0-3', 10, 'whole'],
  ] as const)('%j of %d bytes', (header, size, expected) => {
    expect(rangeOf(header, size)).toEqual(expected);
  });

  test('never leads out of the file', () => {
    const part = fc.oneof(fc.nat({ max: 30 }).map(String), fc.constant(''));
    fc.assert(
      fc.property(part, part, fc.nat({ max: 20 }), (first, last, size) => {
        const range = rangeOf(`bytes=${first}-${last}`, size);
        if (typeof range === 'string') return;
        expect(0 <= range.start && range.start < range.end && range.end <= size).toBe(true);
      }),
    );
  });
});
