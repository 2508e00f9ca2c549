/** Large contents in windows: their lines, numbers and context are those of the whole, from wherever reading begins. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { defaultLimits } from '../../../base/limits.ts';
import { openDiskBlobs } from '../../../engines/disk/disk-blobs.ts';
import type { Blobs } from '../../../ports/blobs.ts';
import { sourceOf } from '../../content/content.ts';
import { type LineMatch, searchLines, wholeText } from './grep.ts';
import { compileLinePattern } from './regex.ts';
import type { FoundFile } from './scan.sql.ts';
import { windowsOf } from './windows.ts';

let folder: string;
let blobs: Blobs;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'windows-'));
  blobs = await openDiskBlobs(folder);
});
afterAll(async () => {
  await blobs.close();
  rmSync(folder, { recursive: true });
});

async function store(text: string): Promise<FoundFile> {
  const source = sourceOf(Buffer.from(text));
  await blobs.put(source);
  return { path: '/f', etag: source.sha256, size: source.size };
}

const START = { offset: 0, line: 1 };
const searchFor = (pattern: string, before = 0, after = 0) => ({
  pattern: compileLinePattern({ pattern, fixed: false, ignoreCase: false }, defaultLimits),
  before,
  after,
});
type Search = ReturnType<typeof searchFor>;

function inWhole(text: string, search: Search): LineMatch[] {
  const found: LineMatch[] = [];
  searchLines(wholeText(text), search, (match) => found.push(match) > 0);
  return found;
}

async function inWindows(file: FoundFile, search: Search, start = START) {
  const found: LineMatch[] = [];
  const places: { readonly place: typeof START; readonly firstLine: number }[] = [];
  for await (const { place, firstLine, window } of windowsOf(blobs, file, { ...search, start })) {
    places.push({ place, firstLine });
    if (window) searchLines(window, search, (match) => found.push(match) > 0);
  }
  return { found, places };
}

test('any content has the matches of the whole, each once, with their context', async () => {
  const line = fc.constantFrom(
    'x',
    'é x\r',
    '',
    'x y'.repeat(9_000),
    '\u{1f600}'.repeat(30_000),
    `${'-'.repeat(150_000)}x`,
    '-\n-\n-\nx',
    Array(100)
      .fill(`x${'z'.repeat(1_000)}`)
      .join('\n'),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(line, { minLength: 1, maxLength: 40 }),
      fc.constantFrom('x', '[wx]', '^-', '^$', '\u{1f600}$'),
      fc.nat(3),
      fc.nat(3),
      async (lines, pattern, before, after) => {
        const text = lines.join('\n');
        const search = searchFor(pattern, before, after);
        const file = await store(text);
        const { found, places } = await inWindows(file, search);
        expect(found).toEqual(inWhole(text, search));
        // Reading goes on at any window as if it had come there.
        for (const { place, firstLine } of places) {
          const rest = (await inWindows(file, search, place)).found.filter((match) => match.line >= firstLine);
          expect(rest).toEqual(found.filter((match) => match.line >= firstLine));
        }
      },
    ),
    { numRuns: 25 },
  );
}, 60_000);

test('a window that ends within a line has none of it, and all its context', async () => {
  const text = Array.from({ length: 2_000 }, (_, n) => `x${n}${'z'.repeat(400)}`).join('\n');
  const file = await store(text);
  for (const [before, after] of [
    [0, 1],
    [1, 0],
    [3, 3],
  ] as const) {
    const search = searchFor('x', before, after);
    expect((await inWindows(file, search)).found).toEqual(inWhole(text, search));
  }
});

test('windows without the needle are not opened', async () => {
  const file = await store(`${'-'.repeat(300_000)}\n${'-'.repeat(300_000)}\nneedle\n`);
  const opened: boolean[] = [];
  const asked = { ...searchFor('needle'), start: START };
  for await (const { window } of windowsOf(blobs, file, asked)) opened.push(window !== undefined);
  expect(opened).toEqual([false, true]);
});

test('the search of a content ends at a line of more than 64 MiB, and one behind its end at once', async () => {
  const file = await store(`x\n${'y'.repeat(80 * 1024 * 1024)}\nx\n`);
  const { found } = await inWindows(file, searchFor('x'));
  expect(found.map(({ line }) => line)).toEqual([1]);
  expect((await inWindows(file, searchFor('x'), { offset: 2 ** 40, line: 1 })).found).toEqual([]);
});
