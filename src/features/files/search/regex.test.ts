/** Line patterns: any expression over any text against RE2 line by line, every fault, and no pattern that takes long. */
import fc from 'fast-check';
import { RE2JS, RE2JSSyntaxException } from 're2js';
import { describe, expect, test } from 'vitest';
import { Fault } from '../../../base/faults.ts';
import { defaultLimits } from '../../../base/limits.ts';
import { type LineMatch, searchLines, wholeText } from './grep.ts';
import { compileLinePattern, type LinePattern, type PatternInput } from './regex.ts';
import { writeFinder } from './regex-finder.ts';
import { readRegex } from './regex-syntax.ts';

const compile = (pattern: string, more: Partial<PatternInput> = {}) =>
  compileLinePattern({ pattern, fixed: false, ignoreCase: false, ...more }, defaultLimits);

function faultOf(pattern: string, more: Partial<PatternInput> = {}): Fault {
  try {
    compile(pattern, more);
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown;
    throw thrown;
  }
  throw new Error(`${pattern} is valid`);
}

type Found = Pick<LineMatch, 'line' | 'column' | 'match'>;

function grep(text: string, pattern: LinePattern): Found[] {
  const found: Found[] = [];
  searchLines(wholeText(text), { pattern, before: 0, after: 0 }, ({ line, column, match }) => {
    found.push({ line, column, match });
    return true;
  });
  return found;
}

/** Lines by the plainest means. */
function linesOf(text: string): string[] {
  const lines = text.split('\n');
  const rest = lines.pop()!;
  const ended = lines.map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
  return rest === '' ? ended : [...ended, rest];
}

function plainGrep(text: string, find: (line: string) => { start: number; end: number } | undefined): Found[] {
  return linesOf(text).flatMap((line, index) => {
    const span = find(line);
    if (!span) return [];
    const column = Array.from(line.slice(0, span.start)).length + 1;
    return [{ line: index + 1, column, match: line.slice(span.start, span.end) }];
  });
}

const findBy = (re2: RE2JS) => (line: string) => {
  const matcher = re2.matcher(line);
  return matcher.find() ? { start: matcher.start(), end: matcher.end() } : undefined;
};

/** Characters at which engines differ: cases beyond ASCII, line ends that only JavaScript knows, surrogate pairs. */
const SPECIAL = '\r\u2028\u00e9\u00c9\u017f\u212a\u0130\u00df\u{1f600}\u03c3\u03c2\u03a3';
const text = fc
  .array(
    fc.tuple(
      fc.string({ unit: fc.constantFrom(...`aaabbbckKsSiI019_ -.${SPECIAL}`), maxLength: 12 }),
      fc.constantFrom('\n', '\n', '\r\n', '\n\n', '\r'),
    ),
    { maxLength: 6 },
  )
  .map((lines) => lines.flat().join(''));

const atom = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...'abckKsSi01_ -\u00e9\u03c3\u{1f600}') },
  {
    weight: 3,
    arbitrary: fc.constantFrom(...'. \\w \\W \\d \\s \\S \\. \\x41 \\x{e9} \\141 \\r \\n \\pL \\PN'.split(' ')),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      ...'[ab] [^a] [a-k] [^k\\d] []a] [^]a] [a-] [[:alpha:]_] [[:^alnum:]] [\\w-] [^\\W]'.split(' '),
      ...'[\u00e0-\u00ff] [\\x{100}-\\x{10ffff}] [K] [^\\pN] \\p{Greek} \\P{Lu}'.split(' '),
    ),
  },
  { weight: 2, arbitrary: fc.constantFrom('^', '$', '\\b', '\\B', '\\A', '\\z') },
  {
    weight: 1,
    arbitrary: fc.constantFrom(...'\\Qa.b\\E \\Q*\\E (?:) { a{,2} ] } (?i) (?-i) (?s) (?U)'.split(' ')),
  },
);
const quantifier = fc.constantFrom(...'||||*|+|?|*?|+?|??|{2}|{0,2}|{1,3}?|{2,}|{0}|{9,12}|{3,40}'.split('|'));
const regex = fc.letrec<{ whole: string; part: string; group: string }>((tie) => ({
  whole: fc
    .array(
      fc.array(tie('part'), { maxLength: 4 }).map((parts) => parts.join('')),
      { minLength: 1, maxLength: 3 },
    )
    .map((branches) => branches.join('|')),
  part: fc.tuple(fc.oneof({ depthSize: 'small' }, atom, tie('group')), quantifier).map((parts) => parts.join('')),
  group: fc
    .tuple(fc.constantFrom('(', '(?:', '(?P<n>', '(?<m>', '(?i:', '(?U:', '(?-i:'), tie('whole'))
    .map(([open, inner]) => `${open}${inner})`),
})).whole;

/** Expressions that multiply out to many instructions are compared too. */
const unlimited = { ...defaultLimits, REGEX_INSTRUCTIONS: 1_000_000 };

describe('line by line', () => {
  test('any expression over any text has the lines, columns and matches of RE2', () => {
    let valid = 0;
    fc.assert(
      fc.property(regex, fc.boolean(), text, (pattern, ignoreCase, content) => {
        let re2: RE2JS;
        try {
          re2 = RE2JS.compile(pattern, ignoreCase ? RE2JS.CASE_INSENSITIVE : 0);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(RE2JSSyntaxException);
          expect(faultOf(pattern, { ignoreCase }).code).toBe('INVALID_PATTERN');
          return;
        }
        valid++;
        expect(readRegex(pattern, ignoreCase).tree).toBeDefined();
        const expected = plainGrep(content, findBy(re2));
        expect(grep(content, compileLinePattern({ pattern, fixed: false, ignoreCase }, unlimited))).toEqual(expected);
      }),
      { numRuns: 1500 },
    );
    expect(valid).toBeGreaterThan(500);
  });

  test.each([
    ['(a??){0,2}b?', 'aab'],
    ['(?:a??|b){0,3}', 'ab'],
    ['\\B', 'a\u{1f600}a'],
    ['[^x]$', '\u{1f600}'],
    ['.$', 'a\u{1f600}'],
    ['[^a]{2}', 'a\u{1f600}\u{1f600}'],
    ['a$', 'a\r\ra'],
    ['^b|a$', 'a\u2028b'],
  ])('%s over %j, where native engines differ', (pattern, content) => {
    expect(grep(content, compile(pattern))).toEqual(plainGrep(content, findBy(RE2JS.compile(pattern))));
  });

  test.each(['[ax]b*[cy]', '[ax]b+?[cy]', '[ax]b{3,}[cy]', '[ax]b{3,40}[cy]', '[ax](bb)*[cy]', '[ax](b|bb){2,}[cy]'])(
    '%s over runs of every length',
    (pattern) => {
      const lines = Array.from({ length: 60 }, (_, length) => `-a${'b'.repeat(length)}c`);
      const content = lines.join('\n');
      expect(grep(content, compile(pattern))).toEqual(plainGrep(content, findBy(RE2JS.compile(pattern))));
    },
  );

  test.each(['[ax](b+|q)[cy]', '[ax](b{0,5}){0,9}[cy]', '[ax](bb){700}[cy]', '[ax]((b|q)b){700}[cy]'])(
    '%s, which is cut short when candidates are sought',
    (pattern) => {
      const content = ['abc', `a${'b'.repeat(40)}c`, `a${'b'.repeat(1_400)}c`].join('\n');
      expect(grep(content, compile(pattern))).toEqual(plainGrep(content, findBy(RE2JS.compile(pattern))));
      expect(grep(content, compile(pattern))).not.toEqual([]);
    },
  );

  test('candidates are sought within lines', () => {
    const finder = new RegExp(writeFinder(readRegex('[ab][^q]\\s\\n?[cd]', false).tree!), 'gmu');
    expect(finder.test('a- c')).toBe(true);
    expect(['a\n c', 'a-\nc', 'a- \nc'].filter((lines) => finder.test(lines))).toEqual([]);
  });

  test('any fixed text is found where the line holds it', () => {
    const needle = fc.string({ unit: fc.constantFrom(...`ab.*[(\\^$ \n${SPECIAL}`), maxLength: 3 });
    fc.assert(
      fc.property(needle, text, (pattern, content) => {
        const expected = plainGrep(content, (line) => {
          const start = line.indexOf(pattern);
          return start < 0 ? undefined : { start, end: start + pattern.length };
        });
        expect(grep(content, compile(pattern, { fixed: true }))).toEqual(expected);
      }),
      { numRuns: 2000 },
    );
  });

  test('long lines go by the same rules as short ones', () => {
    const filler = '-'.repeat(300);
    const patterns = ['a.*b', '\\w+\\s*=', 'x+$', '^-+y', '(a|bc){2,}d', 'k{3,}?', '[^-]+'];
    const content = patterns
      .flatMap((_, index) => [`${filler}aab=xxbcad kkk`, `${index}y${filler}x`, filler])
      .join('\n');
    for (const pattern of patterns) {
      const expected = plainGrep(content, findBy(RE2JS.compile(pattern)));
      expect([pattern, grep(content, compile(pattern))]).toEqual([pattern, expected]);
    }
  });
});

describe('ignoring case', () => {
  test.each([
    ['stra\u00dfe', 'STRA\u1e9eE'],
    ['kelvin', '\u212aELVIN'],
    ['sister', '\u017fi\u017fter'],
    ['\u03a3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2', '\u03c3\u038a\u03a3\u03a5\u03a6\u039f\u03a3'],
    ['\u0434\u043e\u043c', '\u0414\u041e\u041c'],
    ['[\u0430-\u044f]+', '\u0414\u041e\u041c'],
  ])('%s finds %s', (pattern, content) => {
    expect(grep(content, compile(pattern, { ignoreCase: true }))).toEqual([{ line: 1, column: 1, match: content }]);
    expect(grep(content, compile(pattern))).toEqual([]);
  });

  test.each([
    ['ss', '\u00df'],
    ['i', '\u0130'],
    ['i', '\u0131'],
  ])('%s does not find %s, whose other case is no single character', (pattern, content) => {
    expect(grep(content, compile(pattern, { ignoreCase: true, fixed: true }))).toEqual([]);
  });

  test('characters without a case to JavaScript have none to RE2', () => {
    const cased: string[] = [];
    const others: string[] = [];
    for (let code = 0x80; code <= 0x10ffff; code++) {
      if (code >= 0xd800 && code <= 0xdfff) continue;
      const char = String.fromCodePoint(code);
      (char.toLowerCase() === char && char.toUpperCase() === char ? others : cased).push(char);
    }
    const re2 = RE2JS.compile(`[a-zA-Z${cased.join('')}]`, RE2JS.CASE_INSENSITIVE);
    expect(re2.test(others.join(''))).toBe(false);
  });
});

describe('faults', () => {
  test.each([
    ['a(?=b)', 1, 'look-ahead'],
    ['a(?!b)', 1, 'look-ahead'],
    ['(?<=a)b', 0, 'look-behind'],
    ['(?<!a)b', 0, 'look-behind'],
    ['\u{1f600}(a)\\1', 4, 'a back-reference'],
    ['(?P<n>a)(?P=n)', 8, 'a back-reference'],
    ['(?<n>a)\\k<n>', 7, 'a back-reference'],
    ['(?>a)', 0, 'an atomic group'],
    ['(?(1)a|b)', 0, 'a conditional'],
    ['a(?R)?', 1, 'recursion'],
    ['a(?#b)', 1, 'a comment'],
    ['a*+', 1, 'a possessive quantifier'],
  ])('%s names the construct at %i', (pattern, position, construct) => {
    const reason = `${construct} is not supported: matching must stay linear`;
    expect(faultOf(pattern)).toMatchObject({ code: 'INVALID_PATTERN', data: { pattern, position, reason } });
    expect(faultOf(pattern, { ignoreCase: true }).data).toEqual({ pattern, position, reason });
  });

  test.each([
    ['(a', 0, 'missing closing )'],
    ['a)b', 1, 'unexpected )'],
    ['[(]a(b', 4, 'missing closing )'],
    ['\\Q(\\E(', 5, 'missing closing )'],
    ['a[bc', 1, 'missing closing ]'],
    ['*a', 0, 'missing argument to repetition operator'],
    ['a**', 1, 'invalid nested repetition operator'],
    ['a{1001}', 1, 'invalid repeat count'],
    ['ab\\', 2, 'trailing backslash at end of expression'],
    ['a\\y', 1, 'invalid escape sequence'],
    ['x[z-a]', 2, 'invalid character class range'],
    ['\\p{Klingon}', 0, 'invalid character class range'],
    ['(a*)'.repeat(5) + '('.repeat(1500), 1519, 'missing closing )'],
    ['(?z)', 0, 'invalid or unsupported Perl syntax'],
  ])('%s: at %i, %s', (pattern, position, reason) => {
    expect(faultOf(pattern).data).toEqual({ pattern, position, reason });
    expect(faultOf(pattern, { ignoreCase: true }).data).toEqual({ pattern, position, reason });
  });

  test.each([
    '(?:abcdefghijk){1000}',
    '((a{100}){100}){100}',
    '\\pL{201}',
    `[${'\\pL'.repeat(201)}]`,
    `${'\\pL'.repeat(201)}(`,
    `(?:${'[ab]'.repeat(11)}){1000}`,
  ])('%s passes the limit before it is compiled', (pattern) => {
    expect(faultOf(pattern).data.reason).toMatch(/instructions pass the limit REGEX_INSTRUCTIONS of 10000$/);
  });

  test('limits are arguments', () => {
    const input = { pattern: 'abcdef', fixed: true, ignoreCase: false };
    const limits = { PATTERN_BYTES: 6, REGEX_INSTRUCTIONS: 100 };
    expect(compileLinePattern(input, limits).match('abcdef')).toEqual({ start: 0, end: 6 });
    expect(() => compileLinePattern(input, { ...limits, PATTERN_BYTES: 5 })).toThrow('PATTERN_BYTES of 5');
    expect(() => compileLinePattern(input, { ...limits, REGEX_INSTRUCTIONS: 5 })).toThrow('REGEX_INSTRUCTIONS of 5');
  });

  test('a pattern of the allowed size compiles, whatever it holds', () => {
    for (const unit of ['a?', '(a|b)', '[^a]', '(?:a', 'a*?b|', '\\x{10ffff}', '.*']) {
      const pattern = unit.repeat(Math.floor(4096 / unit.length));
      const nested = unit.startsWith('(?:a') ? `${unit.repeat(800)}${')'.repeat(800)}` : pattern;
      expect(compile(nested).required).toBeDefined();
    }
  });

  test('ranges too large to fold are refused, and whole alphabets are not', () => {
    const range = '[B-\\x{1e940}]';
    expect(faultOf(range.repeat(300), { ignoreCase: true }).data.reason).toContain('too large to ignore case');
    expect(faultOf(`(${range.repeat(300)}`, { ignoreCase: true }).data.reason).toContain('too large to ignore case');
    expect(compile(range.repeat(300)).match('\u3042'.repeat(300))).toEqual({ start: 0, end: 300 });
    expect(compile('[\\x00-\\x{10ffff}][^a]'.repeat(180), { ignoreCase: true }).match('b'.repeat(400))).toBeDefined();
  });
});

/** Were anything tried twice here, these would take years. */
describe('linear', () => {
  test.each([
    '(x+x+)+y',
    '(x*)*y',
    '(?:x?){30}x{30}y',
    '(.*)(.*)(.*)(.*)(.*)y',
    'x*x*x*x*x*[yz]',
    '(x|xx|x)*y',
    '^(([a-z])+.)+[A-Z]([a-z])+$',
    'x.*x.*x.*x.*[yz]',
    '\\w+\\s*\\w+\\s*\\w+\\s*=',
    '(?i)x{1,1000}[y]',
    '(x{0,5}){0,5}[yz]',
    '[^q]*[^r]*[^s]*[yz]',
  ])('%s over one long line and over many short ones', (pattern) => {
    const compiled = compile(pattern);
    expect(grep('x'.repeat(100_000), compiled)).toEqual([]);
    expect(grep(`${'x'.repeat(60)}\n`.repeat(3_000), compiled)).toEqual([]);
    expect(grep(`${'x'.repeat(250)}\n`.repeat(800), compiled)).toEqual([]);
  });

  test('the steps of a candidate search do not grow with the pattern', () => {
    for (const unit of ['x*', '(x|y)*', 'x{1,50}', '(a|b|c)', '(x?y?){3}', '(abc|abd)+']) {
      expect(writeFinder(readRegex(unit.repeat(300), false).tree!).length).toBeLessThan(10_000);
    }
  });
});
