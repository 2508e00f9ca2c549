/** Contract files.md §8, line by line, and the bounds on what an edit may cost. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { defaultLimits as limits } from '../../base/limits.ts';
import type { Edit } from './edit/steps.ts';
import { applyEdits, type EditOptions, type EditOutcome } from './edit.ts';

function edit(content: string, edits: Edit | readonly Edit[], options: Partial<EditOptions> = {}): EditOutcome {
  return applyEdits(content, [edits].flat(), { fuzzyThreshold: 0.85, limits, ...options });
}

const change = (old_str: string, new_str: string, more: Partial<Edit> = {}): Edit => ({ old_str, new_str, ...more });

describe('the exact step', () => {
  test('replaces a substring, also across lines, and says where', () => {
    expect(edit('a\nb c\nd\n', change('c\nd', 'x\r\ny'))).toEqual({
      success: true,
      applied_count: 1,
      matches: [
        {
          edit_index: 0,
          match_type: 'exact',
          similarity: 1,
          match_count: 1,
          line_start: 2,
          line_end: 3,
          original_text: 'c\nd',
        },
      ],
      errors: [],
      content: 'a\nb x\r\ny\n',
    });
  });

  test('a newline at the end of old_str belongs to its line', () => {
    const { matches, content } = edit('a\nb\nc\n', change('b\n', ''));
    expect(content).toBe('a\nc\n');
    expect(matches[0]).toMatchObject({ line_start: 2, line_end: 2 });
  });

  test('takes new_str as it is: no pattern, no line ending of its own', () => {
    expect(edit('a\r\nb\r\n', change('b', "$& $1 $'\n")).content).toBe("a\r\n$& $1 $'\n\r\n");
  });

  test('is used although lines that only look equal would match too', () => {
    const { content, matches } = edit('  foo\nfoo bar\n', change('foo bar', 'x'));
    expect([content, matches[0]?.match_type]).toEqual(['  foo\nx\n', 'exact']);
  });

  test('all places without overlap, from the left, with allow_multiple', () => {
    const { content, matches } = edit('aaaaa', change('aa', 'b', { allow_multiple: true }));
    expect([content, matches[0]?.match_count]).toEqual(['bba', 2]);
  });

  test('agrees with replacing one of the occurrences, or all of them', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '\n', '😀'), minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(
        text,
        fc.nat(),
        fc.integer({ min: 1, max: 5 }),
        text,
        fc.boolean(),
        (content, from, length, put, all) => {
          const units = [...content];
          const start = from % units.length;
          const old_str = units.slice(start, start + length).join('');
          fc.pre(old_str !== put);
          const outcome = edit(content, change(old_str, put, { allow_multiple: all }));
          if (all) expect(outcome.content).toBe(content.split(old_str).join(put));
          else if (content.indexOf(old_str) === content.lastIndexOf(old_str)) {
            expect(outcome.content).toBe(content.replace(old_str, () => put));
          } else expect(outcome).toMatchObject({ errors: [{ code: 'AMBIGUOUS' }], content });
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('several places', () => {
  const content = 'x = 1\ny\nx = 1\nz\nx = 1\n';

  test('are ambiguous, with their lines', () => {
    const outcome = edit(content, change('x = 1', 'x = 2'));
    expect(outcome).toMatchObject({ success: false, applied_count: 0, matches: [], content });
    expect(outcome.errors).toEqual([
      { edit_index: 0, code: 'AMBIGUOUS', message: expect.stringContaining('3 places'), lines: [1, 3, 5] },
    ]);
  });

  test.each([
    [1, 1],
    [2, 1],
    [3, 3],
    [4, 3],
    [99, 5],
  ])('hint_line %i takes the one on line %i', (hint_line, line) => {
    const { matches, content: changed } = edit(content, change('x = 1', 'x = 2', { hint_line }));
    expect(matches[0]).toMatchObject({ line_start: line, line_end: line, match_count: 1 });
    expect(changed.split('\n').indexOf('x = 2')).toBe(line - 1);
  });

  test('overlapping ones count as several, and hint_line tells them apart', () => {
    expect(edit('x\nx\nx\n', change('x\nx', 'y')).errors[0]).toMatchObject({ code: 'AMBIGUOUS', lines: [1, 2] });
    expect(edit('x\nx\nx\n', change('x\nx', 'y', { hint_line: 2 })).content).toBe('x\ny\n');
  });

  test('allow_multiple comes before hint_line', () => {
    const outcome = edit(content, change('x = 1', 'x = 2', { hint_line: 3, allow_multiple: true }));
    expect(outcome.content).toBe(content.replaceAll('1', '2'));
  });

  test('one line is told once, and a thousand lines at most', () => {
    expect(edit('a a\nb\n', change('a', 'c')).errors[0]?.lines).toEqual([1]);
    expect(edit('a\n'.repeat(5_000), change('a', 'c')).errors[0]?.lines).toHaveLength(1_000);
  });
});

describe('the normalized step', () => {
  test('takes whole lines whose blanks at the edges differ', () => {
    const { content, matches } = edit('if x:\n\tfoo()  \n\tbar()\nend\n', change('  foo()\n  bar()\n', '\tbaz()'));
    expect(content).toBe('if x:\n\tbaz()\nend\n');
    expect(matches).toEqual([
      {
        edit_index: 0,
        match_type: 'normalized',
        similarity: 1,
        match_count: 1,
        line_start: 2,
        line_end: 3,
        original_text: '\tfoo()  \n\tbar()',
      },
    ]);
  });

  test('never takes a part of a line, or lines whose inner blanks differ', () => {
    expect(edit('a  foo\n', change('foo ', 'x'), { fuzzyThreshold: 1 }).success).toBe(false);
    expect(edit('a  b\n', change('a b', 'x'), { fuzzyThreshold: 1 }).success).toBe(false);
  });

  test.each([
    ['CRLF', 'a\r\nb\r\nc\r\n', 'a\nb\n', 'x\ny\nz', 'x\r\ny\r\nz\r\nc\r\n'],
    ['LF, when new_str has CRLF', 'a \nb\nc\n', 'a\nb', 'x\r\ny\r\n', 'x\ny\nc\n'],
    ['that of the lines, not of the rest', 'a\nb \r\nc\r\nd\n', 'b\nc', 'x\ny', 'a\nx\r\ny\r\nd\n'],
    ['a missing final newline', 'a\n b\n c', 'b \nc\n', 'x\ny\n', 'a\nx\ny'],
    ['that of the text, for its last line', 'a\r\n b', 'b\t', 'x\ny', 'a\r\nx\r\ny'],
    ['a single line without any', ' b', 'b\t', 'x\ny\n', 'x\ny'],
    ['the final newline, when nothing is put in', 'a\n b\nc\n', 'b\t', '', 'a\n\nc\n'],
  ])('keeps the line ending: %s', (_, content, old_str, new_str, expected) => {
    const outcome = edit(content, change(old_str, new_str));
    expect(outcome.matches[0]?.match_type).toBe('normalized');
    expect(outcome.content).toBe(expected);
  });

  test('is ambiguous, hinted and multiple as the exact one', () => {
    const content = ' a\n b\n\n a\n b\n\n a\n b\n';
    expect(edit(content, change('a\nb', 'c')).errors[0]).toMatchObject({ code: 'AMBIGUOUS', lines: [1, 4, 7] });
    expect(edit(content, change('a\nb', 'c', { hint_line: 5 })).content).toBe(' a\n b\n\nc\n\n a\n b\n');
    const all = edit(content, change('a\nb', 'c', { allow_multiple: true }));
    expect([all.content, all.matches[0]?.match_count]).toEqual(['c\n\nc\n\nc\n', 3]);
  });

  test('an empty last line of the window counts', () => {
    const { matches, content } = edit('a \n\nb\n', change('a\n\n', 'x'), { fuzzyThreshold: 1 });
    expect(matches[0]).toMatchObject({ line_start: 1, line_end: 2 });
    expect(content).toBe('x\nb\n');
  });
});

describe('the fuzzy step', () => {
  const content = 'function add(a, b) {\r\n  return a + b;\r\n}\r\nfunction sub(a, b) {\r\n  return a - b;\r\n}\r\n';

  test('takes the most similar window and keeps its line endings', () => {
    const { matches, content: changed } = edit(content, change('function sub(a, b)\n  return a - b\n}', 'x\ny'));
    expect(changed).toBe('function add(a, b) {\r\n  return a + b;\r\n}\r\nx\r\ny\r\n');
    expect(matches[0]).toMatchObject({ match_type: 'fuzzy', match_count: 1, line_start: 4, line_end: 6 });
    expect(matches[0]?.similarity).toBe((38 - 3) / 38);
    expect(matches[0]?.original_text).toBe('function sub(a, b) {\r\n  return a - b;\r\n}');
  });

  test('equally similar windows are ambiguous, even with allow_multiple, unless there is a hint', () => {
    const twins = 'value = 10\nother\nvalue = 20\n';
    const multiple = edit(twins, change('value = 30', 'x', { allow_multiple: true }));
    expect(multiple.errors[0]).toMatchObject({ code: 'AMBIGUOUS', lines: [1, 3] });
    expect(edit(twins, change('value = 30', 'x', { hint_line: 3 })).content).toBe('value = 10\nother\nx\n');
  });

  test('below the threshold there is no match, and the nearest window is told', () => {
    const outcome = edit('one\ntwo hundred\nthree\n', change('two thousand', 'x'));
    expect(outcome.errors).toEqual([
      {
        edit_index: 0,
        code: 'NO_MATCH',
        message: expect.stringContaining('line 2 (similarity 0.50)'),
        best_similarity: 0.5,
        best_line: 2,
      },
    ]);
    expect(edit('one\ntwo hundred\nthree\n', change('two thousand', 'x'), { fuzzyThreshold: 0.5 }).success).toBe(true);
  });

  test('a text with fewer lines than old_str has nothing similar', () => {
    expect(edit('', change('a', 'b')).errors).toEqual([
      { edit_index: 0, code: 'NO_MATCH', message: expect.stringContaining('not found') },
    ]);
  });

  test('is left out above FUZZY_BYTES, which counts bytes, and the error says so', () => {
    const small = { limits: { ...limits, FUZZY_BYTES: 12 } };
    expect(edit('éééééé', change('éééééx', 'y'), { ...small, fuzzyThreshold: 0.5 }).success).toBe(true);
    expect(edit('ééééééa', change('éééééx', 'y'), { ...small, fuzzyThreshold: 0.5 }).errors).toEqual([
      { edit_index: 0, code: 'TOO_LARGE_FOR_FUZZY', message: expect.stringContaining('12 bytes') },
    ]);
    expect(edit('ééééééa ', change('ééééééa\t', 'y'), small).content).toBe('y');
  });
});

describe('several edits', () => {
  test('each works on the outcome of the one before', () => {
    const { content, matches } = edit('a\n', [change('a', 'b\nb2'), change('b2', 'c'), change('b\nc', 'd')]);
    expect(content).toBe('d\n');
    expect(matches.map(({ line_start, line_end }) => [line_start, line_end])).toEqual([
      [1, 1],
      [2, 2],
      [1, 2],
    ]);
  });

  test('all or nothing: one without a place leaves the text, and every such one is named', () => {
    const edits = [change('a', 'x'), change('missing', 'y'), change('b', 'z'), change('gone', 'y')];
    const outcome = edit('a b\n', edits);
    expect(outcome).toMatchObject({ success: false, applied_count: 0, content: 'a b\n' });
    expect(outcome.errors.map(({ edit_index, code }) => [edit_index, code])).toEqual([
      [1, 'NO_MATCH'],
      [3, 'NO_MATCH'],
    ]);
    expect(outcome.matches.map(({ edit_index }) => edit_index)).toEqual([0, 2]);
  });

  test('no edits change nothing', () => {
    expect(edit('a', [])).toEqual({ success: true, applied_count: 0, matches: [], errors: [], content: 'a' });
  });
});

describe('refusals', () => {
  test.each([
    ['an empty old_str', change('', 'x')],
    ['equal texts', change('x', 'x')],
    ['a lone surrogate to put in', change('x', '\ud800')],
    ['a lone surrogate to look for', change('\udc00', 'x')],
  ])('%s is INVALID_PARAMS with its index', (_, bad) => {
    const refused = expect.objectContaining({
      code: 'INVALID_PARAMS',
      data: { issues: [expect.objectContaining({ path: 'edits.1' })] },
    });
    expect(() => edit('x', [change('x', 'y'), bad])).toThrow(refused);
  });

  test('more than EDITS edits, and an outcome above EDIT_BYTES, name their limit', () => {
    const exceeded = (limit: string, maximum: number, actual: number) =>
      expect.objectContaining({ code: 'LIMIT_EXCEEDED', data: { limit, maximum, actual } });
    const few = { limits: { ...limits, EDITS: 1, EDIT_BYTES: 10 } };
    expect(() => edit('ab', [change('a', 'c'), change('b', 'd')], few)).toThrow(exceeded('EDITS', 1, 2));
    expect(() => edit('ab', change('a', 'éééééé'), few)).toThrow(exceeded('EDIT_BYTES', 10, 13));
    expect(edit('ab', change('a', 'éééé'), few).content).toBe('ééééb');
  });

  test('an outcome above EDIT_BYTES is refused before it is built', () => {
    const bomb = change('a', 'b'.repeat(1 << 20), { allow_multiple: true });
    expect(() => edit('a'.repeat(1_000_000), bomb)).toThrow(/EDIT_BYTES/);
  });

  test('work beyond EDIT_STEPS is LIMIT_EXCEEDED', () => {
    const content = `${'a'.repeat(2_000)}\n`.repeat(500);
    const refused = expect.objectContaining({
      code: 'LIMIT_EXCEEDED',
      data: expect.objectContaining({ limit: 'EDIT_STEPS' }),
    });
    const few = { limits: { ...limits, EDIT_STEPS: 20_000_000 }, fuzzyThreshold: 0 };
    expect(() => edit(content, change(`${'ba'.repeat(900)}\n`.repeat(100), 'x'), few)).toThrow(refused);
  });
});

test('patterns that defeat a naive search take linear work', () => {
  const content = 'a'.repeat(1 << 20);
  const exactOnly = { limits: { ...limits, EDIT_STEPS: 10 * (1 << 20), FUZZY_BYTES: 0 } };
  const missed = { errors: [{ code: 'TOO_LARGE_FOR_FUZZY' }] };
  expect(edit(content, change(`b${'a'.repeat(1 << 19)}`, 'x'), exactOnly)).toMatchObject(missed);
  const lines = 'a \n'.repeat(1 << 17);
  expect(edit(lines, change(`${'a\n'.repeat(1 << 16)}b`, 'x'), exactOnly)).toMatchObject(missed);
});
