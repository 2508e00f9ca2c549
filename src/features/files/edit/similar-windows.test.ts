/** The ranked and cut-off search against comparing every window, and against its bound of work. */
import * as fc from 'fast-check';
import { distance as peer } from 'fastest-levenshtein';
import { describe, expect, test } from 'vitest';
import { Fault } from '../../../base/faults.ts';
import { linesOf } from '../lines.ts';
import { mostSimilar, type Similar } from './similar-windows.ts';
import { leastDistances, windowAt, windowsOf } from './text-windows.ts';
import { startWork } from './work.ts';

/** All windows, each compared in full. Characters must be single units. */
function naive(content: string, text: string): Similar | undefined {
  const lines = content.split(/(?<=\n)/).map((line) => line.replace(/\r?\n$/, ''));
  const sought = text.replace(/\r?\n$/, '').split(/\r?\n/);
  const similar: number[] = [];
  for (let line = 0; line + sought.length <= lines.length; line++) {
    const window = lines.slice(line, line + sought.length).join('\n');
    const longer = Math.max(window.length, sought.join('\n').length);
    similar.push(longer === 0 ? 1 : (longer - peer(window, sought.join('\n'))) / longer);
  }
  const similarity = Math.max(...similar);
  const windows = [...similar.keys()].filter((line) => similar[line] === similarity);
  return content !== '' && windows.length > 0 ? { similarity, windows } : undefined;
}

const plenty = 1_000_000_000;
const line = fc.string({ unit: fc.constantFrom(...'aab é'), maxLength: 12 });
const text = (maxLength: number) =>
  fc
    .array(fc.tuple(line, fc.constantFrom('\n', '\r\n')), { minLength: 1, maxLength })
    .map((lines) => lines.flat().join(''));

describe('mostSimilar', () => {
  test('names the same windows as comparing all, whatever the threshold', () => {
    fc.assert(
      fc.property(text(12), text(3), fc.double({ min: 0, max: 1, noNaN: true }), (content, sought, threshold) => {
        const found = mostSimilar(linesOf(content), { text: sought, threshold }, startWork(plenty));
        expect(found).toEqual(naive(content, sought));
      }),
      { numRuns: 1000 },
    );
  });

  test('a similarity that is exactly the threshold counts as one that reaches it', () => {
    const found = mostSimilar(
      linesOf(`x\n${'b'.repeat(17)}ccc\n`),
      { text: 'b'.repeat(20), threshold: 0.85 },
      startWork(plenty),
    );
    expect(found).toEqual({ similarity: 0.85, windows: [1] });
  });

  test('counts code points, not units', () => {
    const found = mostSimilar(linesOf('😀😁😂a\n'), { text: '😀😁😂b', threshold: 0 }, startWork(plenty));
    expect(found).toEqual({ similarity: 0.75, windows: [0] });
  });

  test('finds one changed window of a hundred lines among ten thousand lines with few comparisons', () => {
    const content = Array.from({ length: 10_000 }, (_, i) => `line ${i} says ${(i * 7919) % 10_007} and ${i % 13}`);
    const sought = content.slice(5_000, 5_100);
    sought[50] = 'something else altogether';
    const work = startWork(plenty);
    const found = mostSimilar(linesOf(content.join('\n')), { text: sought.join('\n'), threshold: 0.85 }, work);
    expect(found?.windows).toEqual([5_000]);
    expect(plenty - work.left).toBeLessThan(10_000_000);
  });

  test('ends with LIMIT_EXCEEDED when the windows that may reach the threshold are too many', () => {
    const shuffled = Array.from({ length: 2_000 }, (_, i) => 'abcdefgh'.repeat(40).slice(i % 8));
    const search = () =>
      mostSimilar(linesOf(shuffled.join('\n')), { text: 'ahgfedcb'.repeat(400), threshold: 0 }, startWork(5_000_000));
    expect(search).toThrow(Fault);
    expect(search).toThrow(/EDIT_STEPS/);
  });

  test('naming the nearest of unlike windows is given up quietly, never a fault', () => {
    const content = Array.from({ length: 300 }, (_, i) => `${'abcdefgh'.repeat(400)}${i}`).join('\n');
    const work = startWork(6_000_000 + 10 * content.length);
    const found = mostSimilar(linesOf(content), { text: 'ijklmnop'.repeat(400), threshold: 0.9 }, work);
    expect(found?.similarity).toBeLessThan(0.1);
    expect(work.left).toBeGreaterThanOrEqual(0);
  });
});

test('the least distance of a window is never above its distance', () => {
  fc.assert(
    fc.property(text(12), text(3), (content, sought) => {
      const windows = windowsOf(linesOf(content), linesOf(sought));
      const string = (symbols: Int32Array): string => String.fromCharCode(...symbols);
      leastDistances(windows).forEach((bound, window) => {
        expect(bound).toBeLessThanOrEqual(peer(string(windows.sought), string(windowAt(windows, window))));
      });
    }),
    { numRuns: 500 },
  );
});
