/** Lines of texts: what a match says, where lines end, what is shown of long ones, and windows. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { defaultLimits } from '../../../base/limits.ts';
import { type GrepOptions, LINE_CHARACTERS, type LineMatch, type LineWindow, searchLines, wholeText } from './grep.ts';
import { compileLinePattern } from './regex.ts';

const compile = (pattern: string) => compileLinePattern({ pattern, fixed: false, ignoreCase: false }, defaultLimits);
const NO_CONTEXT: GrepOptions = { before: 0, after: 0 };

function search(window: LineWindow, pattern: string, options = NO_CONTEXT): LineMatch[] {
  const found: LineMatch[] = [];
  searchLines(window, { pattern: compile(pattern), ...options }, (match) => found.push(match) > 0);
  return found;
}

const grep = (text: string, pattern: string, options = NO_CONTEXT): LineMatch[] =>
  search(wholeText(text), pattern, options);

const numbers = (matches: Iterable<LineMatch>): number[] => Array.from(matches, ({ line }) => line);

test('a match says where it is, what the line is and what matched', () => {
  expect(grep('one\ntwo three\n', 't[a-z]+e')).toEqual([
    { line: 2, line_number: 2, column: 5, content: 'two three', match: 'three' },
  ]);
});

test('a line is reported once, at its leftmost match', () => {
  expect(grep('xaxa\nx\naa', 'a')).toMatchObject([
    { line: 1, column: 2 },
    { line: 3, column: 1 },
  ]);
});

test('columns are characters, and a pair is one', () => {
  expect(grep('\u00e9\u{1f600}b', 'b')[0]).toMatchObject({ column: 3, content: '\u00e9\u{1f600}b' });
});

describe('lines', () => {
  test.each([
    ['', []],
    ['\n', ['']],
    ['a', ['a']],
    ['a\n', ['a']],
    ['a\n\n', ['a', '']],
    ['a\r\nb\r\n', ['a', 'b']],
    ['a\r\r\n\r\n', ['a\r', '']],
    ['a\rb\r', ['a\rb\r']],
    ['a\u2028b\u0085c\vd', ['a\u2028b\u0085c\vd']],
    ['\ufeffa\n', ['\ufeffa']],
  ])('%j has the lines %j', (content, lines) => {
    expect(grep(content, '').map((match) => match.content)).toEqual(lines);
    expect(numbers(grep(content, '^.*$'))).toEqual(lines.map((_, index) => index + 1));
  });

  test('edges are those of the line', () => {
    const content = 'ab\r\nb\nab b\u2028b';
    expect(numbers(grep(content, '^b'))).toEqual([2]);
    expect(numbers(grep(content, 'b$'))).toEqual([1, 2, 3]);
    expect(numbers(grep(content, '^ab$'))).toEqual([1]);
    expect(numbers(grep(content, '\\Ab\\z'))).toEqual([2]);
    expect(numbers(grep('a\n\nb', '^$'))).toEqual([2]);
  });

  test('no match reaches into the next line or takes the end of its own', () => {
    expect(grep('a\nb', 'a\\nb')).toEqual([]);
    expect(grep('a\nb', 'a\\sb')).toEqual([]);
    expect(grep('a\nb', 'a[^x]*b')).toEqual([]);
    expect(grep('a\r\nb', '(?s)a.')).toEqual([]);
    expect(grep('a\r\nb\rc', '\\r')).toMatchObject([{ line: 2, column: 2 }]);
  });
});

describe('context', () => {
  const content = '1\n2x\r\n3\n4x\n5';

  test('is the lines around, as far as there are any', () => {
    expect(grep(content, 'x', { before: 2, after: 1 })).toMatchObject([
      { line: 2, before: ['1'], after: ['3'] },
      { line: 4, before: ['2x', '3'], after: ['5'] },
    ]);
    expect(grep('x', 'x', { before: 1, after: 1 })).toMatchObject([{ before: [], after: [] }]);
    expect(grep('\n\nx\n\n', 'x', { before: 3, after: 3 })).toMatchObject([{ before: ['', ''], after: [''] }]);
  });

  test('is left out when it was not asked for', () => {
    expect(Object.keys(grep(content, 'x')[0]!)).toEqual(['line', 'line_number', 'column', 'content', 'match']);
    expect(grep(content, 'x', { before: 0, after: 1 })[0]).not.toHaveProperty('before');
  });
});

describe('long lines', () => {
  const wide = '\u{1f600}'.repeat(LINE_CHARACTERS);

  test('are cut at whole characters, and say so', () => {
    expect(grep(wide, '.+')[0]).toEqual({ line: 1, line_number: 1, column: 1, content: wide, match: wide });
    expect(grep(`${wide}b`, '.+')[0]).toMatchObject({ content: wide, match: wide, truncated: true });
    expect(grep(`${wide}b`, 'b')[0]).toMatchObject({ content: wide, match: 'b', column: 2001, truncated: true });
  });

  test('are cut in the context too', () => {
    const options = { before: 1, after: 1 };
    expect(grep(`${wide}b\nx\n`, 'x', options)[0]).toMatchObject({ before: [wide], after: [], truncated: true });
    expect(grep(`x\n${wide}b`, 'x', options)[0]).toMatchObject({ after: [wide], truncated: true });
  });
});

test('a window has the lines that begin in it, with the context around them', () => {
  const lines = ['a x', 'b', '', 'c x', 'x', 'd'];
  const text = lines.join('\n');
  const starts = [0, 4, 6, 7, 11, 13, text.length];
  fc.assert(
    fc.property(
      fc.nat(5),
      fc.nat(5),
      fc.nat(3),
      fc.constantFrom('x', '[wx]', '', 'b|d'),
      (one, other, lines, pattern) => {
        const [first, last] = [Math.min(one, other), Math.max(one, other)];
        const window = { text, from: starts[first]!, to: starts[last]!, firstLine: first + 101, narrow: true };
        const context = { before: lines, after: lines };
        const whole = grep(text, pattern, context).filter(({ line }) => line > first && line <= last);
        const expected = whole.map((match) => ({ ...match, line: match.line + 100, line_number: match.line + 100 }));
        expect(search(window, pattern, context)).toEqual(expected);
      },
    ),
  );
});

test('no line is looked at after the one that was enough', () => {
  let taken = 0;
  searchLines(wholeText('x\n'.repeat(1_000)), { pattern: compile('x'), ...NO_CONTEXT }, () => ++taken < 3);
  expect(taken).toBe(3);
});
