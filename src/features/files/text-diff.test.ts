/** Diffs as others read them: applied by the package that parses them, and by GNU patch where there is one. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { applyPatch, diffLines, parsePatch } from 'diff';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type TextDiff, unifiedDiff } from './text-diff.ts';

const names = { fromName: '/a.txt', toName: '/a.txt' };

const diffOf = (from: string, to: string, contextLines = 3): TextDiff =>
  unifiedDiff({ from, to, contextLines, ...names });

const applied = (from: string, { diff }: TextDiff): string | false =>
  applyPatch(from, diff, { autoConvertLineEndings: false });

const line = fc.constantFrom(
  'a\n',
  'b\n',
  'c\n',
  '\n',
  'a\r\n',
  ' a\n',
  '-a\n',
  '+b\n',
  '@@ -1 +1 @@\n',
  '\r\n',
  '-- x\n',
  'é😀\n',
);
const lastLine = fc.constantFrom('', 'a', 'a\r', '\\ No newline at end of file', '--- /a');
const text = fc.tuple(fc.array(line, { maxLength: 30 }), lastLine).map(([lines, last]) => lines.join('') + last);

/** Two texts, the second made of the first by cutting lines out and putting others in. */
const pair = fc
  .tuple(text, fc.array(fc.tuple(fc.nat(), fc.nat(3), fc.array(line, { maxLength: 3 })), { maxLength: 4 }), fc.nat(3))
  .map(([from, changes, repeat]) => {
    const lines = from.split(/(?<=\n)/);
    for (const [at, cut, put] of changes) lines.splice(at % (lines.length + 1), cut, ...put);
    return [from, lines.join('').repeat(repeat)] as const;
  });

describe('unifiedDiff', () => {
  test('applied to the one text it gives the other, and counts what it changes', () => {
    fc.assert(
      fc.property(pair, fc.nat(4), ([from, to], contextLines) => {
        const diff = diffOf(from, to, contextLines);
        expect(applied(from, diff)).toBe(to);
        const lines = from === to ? [] : parsePatch(diff.diff)[0]!.hunks.flatMap((hunk) => hunk.lines);
        expect(diff.additions).toBe(lines.filter((shown) => shown.startsWith('+')).length);
        expect(diff.deletions).toBe(lines.filter((shown) => shown.startsWith('-')).length);
      }),
      { numRuns: 1000 },
    );
  });

  test('changes no more lines than the shortest way', () => {
    fc.assert(
      fc.property(pair, ([from, to]) => {
        const parts = diffLines(from, to);
        const lines = (of: 'added' | 'removed') => parts.reduce((sum, part) => sum + (part[of] ? part.count : 0), 0);
        const { additions, deletions } = diffOf(from, to);
        expect(additions + deletions).toBe(lines('added') + lines('removed'));
      }),
      { numRuns: 300 },
    );
  });

  test('reads as a diff does', () => {
    const from = 'one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine';
    const to = 'one\nzwei\nthree\nfour\nfive\nsix\nseven\neight\nnine\n';
    expect(diffOf(from, to, 1).diff).toBe(
      '--- /a.txt\n+++ /a.txt\n@@ -1,3 +1,3 @@\n one\n-two\n+zwei\n three\n@@ -8,2 +8,2 @@\n eight\n' +
        '-nine\n\\ No newline at end of file\n+nine\n',
    );
    expect(diffOf('', 'a\n')).toEqual({
      diff: '--- /a.txt\n+++ /a.txt\n@@ -0,0 +1,1 @@\n+a\n',
      additions: 1,
      deletions: 0,
    });
    expect(diffOf('a\n', 'a\n')).toEqual({ diff: '', additions: 0, deletions: 0 });
  });

  test('changes whose context would touch share a hunk', () => {
    const lines = 'abcdefgh'.split('');
    const hunks = (context: number) =>
      diffOf(lines.join('\n'), lines.join('\n').replace('b', 'x').replace('e', 'y'), context).diff.match(/^@@/gm)
        ?.length;
    expect([hunks(0), hunks(1)]).toEqual([2, 1]);
  });

  test('one changed line at each end of two hundred thousand stays small', () => {
    const middle = Array.from({ length: 200_000 }, (_, i) => `line ${i}\n`).join('');
    expect(diffOf(`a\n${middle}b\n`, `c\n${middle}d\n`)).toMatchObject({ additions: 2, deletions: 2 });
  });

  test('texts that have nothing in common but the ends are one hunk', () => {
    const lines = (word: string) => Array.from({ length: 50_000 }, (_, i) => `${word} ${i}\n`).join('');
    const [from, to] = [`start\n${lines('old')}end\n`, `start\n${lines('new')}end\n`];
    const diff = diffOf(from, to);
    expect(diff).toMatchObject({ additions: 50_000, deletions: 50_000 });
    expect(applied(from, diff)).toBe(to);
  });

  test.each([
    ['too many moved lines', 20_000, (i: number) => (i * 7_919) % 20_000],
    ['too many lines', 600_000, (i: number) => 599_999 - i],
  ])('%s become one replacement, which is still right', (_, count, moved) => {
    const numbers = Array.from({ length: count }, (_, i) => i);
    const from = `first\n${numbers.join('\n')}\nlast`;
    const to = `first\n${numbers.map(moved).join('\n')}\nlast`;
    const diff = diffOf(from, to);
    expect(diff.diff.match(/^@@/gm)).toHaveLength(1);
    expect(applied(from, diff)).toBe(to);
  });

  test('GNU patch reads it', () => {
    const folder = mkdtempSync(join(tmpdir(), 'text-diff-'));
    const file = join(folder, 'a');
    try {
      const apply = (from: string, to: string): void => {
        writeFileSync(file, from);
        execFileSync('patch', ['--quiet', '--binary', file], { input: diffOf(from, to).diff });
        expect(readFileSync(file, 'utf8')).toBe(to);
      };
      const different = pair.filter(([from, to]) => from !== to && from !== '' && to !== '');
      fc.assert(
        fc.property(different, ([from, to]) => apply(from, to)),
        { numRuns: 50 },
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
