/** Lines by offset against splitting, which drops what the offsets must keep. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { lineAt, lineBreak, lineEnd, linesOf, lineText } from './lines.ts';

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

test('lines and their endings put together are the text, and every offset is in its line', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', '\r', '\n', 'é'), maxLength: 40 }), (text) => {
      const lines = linesOf(text);
      const all = numbers(lines.count);
      expect(all.map((line) => lineText(lines, line) + lineBreak(lines, line)).join('')).toBe(text);
      const split = text.split(/\r?\n/);
      if (split.at(-1) === '') split.pop();
      expect(all.map((line) => lineText(lines, line))).toEqual(split);
      for (const offset of numbers(text.length)) {
        const line = lineAt(lines, offset);
        expect(offset).toBeGreaterThanOrEqual(lines.starts[line]!);
        expect(offset).toBeLessThan(lines.starts[line + 1]!);
      }
    }),
    { numRuns: 500 },
  );
});

test('a final newline begins no line', () => {
  expect(linesOf('').count).toBe(0);
  expect(linesOf('\n').count).toBe(1);
  expect(linesOf('a\r\nb\n').count).toBe(2);
  expect(linesOf('a\r\nb').count).toBe(2);
});

test('a lone CR belongs to its line', () => {
  const lines = linesOf('a\rb\r\r\n\r');
  expect(lineText(lines, 0)).toBe('a\rb\r');
  expect(lineBreak(lines, 0)).toBe('\r\n');
  expect(lineText(lines, 1)).toBe('\r');
  expect(lineEnd(lines, 1)).toBe(7);
});
