/** Lines of contents: what a match says, where lines end, which contents have none, and windows that leave no trace. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { defaultLimits } from '../../../base/limits.ts';
import { type GrepOptions, grepContent, LINE_CHARACTERS, type LineMatch, searchBytes } from './grep.ts';
import { compileLinePattern } from './regex.ts';

const compile = (pattern: string) => compileLinePattern({ pattern, fixed: false, ignoreCase: false }, defaultLimits);
const NO_CONTEXT: GrepOptions = { before: 0, after: 0 };

/** Both ways in, which must agree. */
function grep(content: string, pattern: string, options = NO_CONTEXT): LineMatch[] {
  const matches = Array.from(grepContent(content, compile(pattern), options));
  expect(Array.from(searchBytes(Buffer.from(content), compile(pattern), options))).toEqual(matches);
  return matches;
}

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

describe('contents that are not text', () => {
  test.each([
    ['a NUL byte', Buffer.from('needle\n\0')],
    ['a NUL byte before', Buffer.from('\0needle')],
    ['a lone continuation byte', Buffer.from([...Buffer.from('needle\n'), 0x80])],
    ['a cut sequence', Buffer.from([...Buffer.from('needle'), 0xe2, 0x82])],
    ['an encoded surrogate', Buffer.from([0xed, 0xa0, 0x80, ...Buffer.from('needle')])],
    ['an overlong slash', Buffer.from([0xc0, 0xaf, ...Buffer.from('needle')])],
  ])('%s: no matches', (_, content) => {
    for (const pattern of ['needle', 'n[e]+dle', '[a-z]', '']) {
      expect(Array.from(searchBytes(content, compile(pattern), NO_CONTEXT))).toEqual([]);
    }
  });

  test('a view into a larger buffer is searched alone', () => {
    const whole = Buffer.from('\0needle\0');
    const view = new Uint8Array(whole.buffer, whole.byteOffset + 1, 6);
    expect(Array.from(searchBytes(view, compile('needle'), NO_CONTEXT))).toMatchObject([{ line: 1, column: 1 }]);
  });
});

describe('contents of several windows', () => {
  const filler = `${'-'.repeat(99)}\n`.repeat(11_000);
  const content = `first \u00e9x\n${filler}second x\r\n${filler}${'+'.repeat(1_200_000)}x\nlast x`;
  const expected = [1, 11_002, 22_003, 22_004];

  test.each(['x', '[wx]', 'x$', '\\bx|q'])('%s is found in all of them', (pattern) => {
    expect(numbers(searchBytes(Buffer.from(content), compile(pattern), NO_CONTEXT))).toEqual(expected);
  });

  test('any context crosses their edges', () => {
    const line = fc.constantFrom('x', '\u00e9', '-'.repeat(300_000), `${'+'.repeat(500_000)}x`, '');
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), fc.nat(3), fc.nat(3), (lines, before, after) => {
        for (const pattern of ['x', '[wx]', '-']) grep(lines.join('\n'), pattern, { before, after });
      }),
      { numRuns: 40 },
    );
  });
});

test('matches are made as they are taken', () => {
  const content = Buffer.from('x\n'.repeat(1_000));
  let taken = 0;
  for (const match of searchBytes(content, compile('x'), NO_CONTEXT)) {
    taken++;
    if (match.line === 3) break;
  }
  expect(taken).toBe(3);
});
