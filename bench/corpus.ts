/**
 * A text of 10 MB taken apart on all five levels in a computing thread, and its blocks looked at again (corpus.md §17), beside
 * the same by strings and a Map of tokens, as one would write it first; and pages of a PDF. Bars: 40 s, 200 MiB over idle, 13 bytes
 * of blocks a byte (text and raw bytes are the other two), 15 s for the look.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BlockRow } from '../src/features/corpus/documents/blocks.sql.ts';
import { LEVELS, placeOfLevel } from '../src/features/corpus/documents/levels.ts';
import { extractBeside } from '../src/features/corpus/extraction/extract.ts';
import { paragraphsOf, sentencesOf, splitAtBlanks, wordsOf } from '../src/features/corpus/text/rules.ts';
import { checkBlocks, split } from '../src/features/corpus/text/split.ts';
import { syllablesOf } from '../src/features/corpus/text/syllables.ts';
import { normalizedToken } from '../src/features/corpus/text/tokens.ts';
import { type OpenComputing, openComputing } from '../src/roof/computing.ts';
import { pdfOf } from '../test/corpus/pdf.ts';
import { englishText } from './lib/english.ts';
import { measuredOnce, printBar } from './lib/pairs.ts';
import { peakGrowth } from './lib/process-stats.ts';

const TEXT_BYTES = 10_000_000;
const SPLIT_SECONDS = 40;
const CHECK_SECONDS = 15;
const GROWTH_MIB = 200;
const BLOCK_BYTES = 13;
const MEBIBYTE = 1024 ** 2;
const PDF_PAGES = 1_000;
const PAGES_A_SECOND = 50;

const bar = (what: string, figure: { ours: number; bound: number; unit: string }): boolean =>
  printBar(
    { id: 'CORPUS', what, unit: figure.unit, bound: { atMost: 1 } },
    { ours: { name: 'nexus' }, theirs: { name: 'bar' } },
    measuredOnce(figure.ours, figure.bound),
  );

const secondsSince = (began: number): number => (performance.now() - began) / 1000;

interface Taken {
  readonly seconds: number;
  readonly atoms: number;
  readonly blocks: readonly BlockRow[];
  readonly growthMib: number;
  /** Of the event loop meanwhile. */
  readonly longestMs: number;
}

async function takeApart(computing: OpenComputing, text: Uint8Array): Promise<Taken> {
  const blocks: BlockRow[] = [];
  let seconds = 0;
  let kept = 0;
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const growth = await peakGrowth(process.pid, async () => {
    const began = performance.now();
    delay.enable();
    for await (const piece of computing.stream(split, { text, levels: LEVELS })) blocks.push(...piece.blocks);
    delay.disable();
    seconds = secondsSince(began);
  });
  for (const { bytes } of blocks) kept += bytes.length;
  const atoms = blocks.reduce((sum, row) => sum + row.atoms, 0);
  // Whoever stores them holds a few.
  return { seconds, atoms, blocks, growthMib: (growth - kept) / MEBIBYTE, longestMs: delay.max / 1e6 };
}

async function lookAgain(computing: OpenComputing, text: Uint8Array, blocks: readonly BlockRow[]): Promise<number> {
  const began = performance.now();
  for (const level of LEVELS) {
    const own = blocks.filter((row) => row.level === placeOfLevel(level));
    const digests = await computing.run(checkBlocks, { blocks: own, text, origin: 0 });
    if (digests.includes(null)) throw new Error(`a block of ${level} is not as it was written`);
  }
  return secondsSince(began);
}

/** Atoms of all levels, by strings. */
function naively(text: string): { readonly seconds: number; readonly atoms: number } {
  const began = performance.now();
  let atoms = 0;
  const contents = [
    () => splitAtBlanks(text).flatMap((some) => [...some]),
    () => wordsOf(text).flatMap(syllablesOf),
    () => wordsOf(text),
    () => sentencesOf(text),
    () => paragraphsOf(text),
  ];
  for (const make of contents) {
    const counts = new Map<string, number>();
    for (const content of make()) {
      const token = normalizedToken(content);
      counts.set(token, (counts.get(token) ?? 0) + 1);
      atoms++;
    }
  }
  return { seconds: secondsSince(began), atoms };
}

async function pagesASecond(computing: OpenComputing, text: string): Promise<number> {
  const lines = text.slice(0, PDF_PAGES * 2_000).match(/.{1,80}/g) ?? [];
  const pages = Array.from({ length: PDF_PAGES }, (_, n) => lines.slice(25 * n, 25 * (n + 1)));
  const bytes = pdfOf(pages, { deflated: true });
  const asked = {
    modality: 'pdf',
    bytes,
    filename: 'a.pdf',
    checksum: '',
    limits: { text_bytes: TEXT_BYTES, pdf_pages: PDF_PAGES },
  } as const;
  const began = performance.now();
  const { warning } = await extractBeside({ computing, signal: new AbortController().signal }, asked);
  if (warning !== null) throw new Error(warning);
  return PDF_PAGES / secondsSince(began);
}

export async function run(): Promise<boolean> {
  const computing = openComputing();
  try {
    const text = englishText(TEXT_BYTES);
    const bytes = Buffer.from(text);
    await sleep(100);
    const { seconds, atoms, blocks, growthMib, longestMs } = await takeApart(computing, bytes);
    const stored = blocks.reduce((sum, row) => sum + row.bytes.length, 0);
    const checked = await lookAgain(computing, bytes, blocks);
    const naive = naively(text);
    if (naive.atoms !== atoms) throw new Error(`${atoms} atoms, by strings ${naive.atoms}`);
    const pages = await pagesASecond(computing, text);
    const what = `${atoms} atoms of ${TEXT_BYTES} bytes`;
    return [
      bar(`${what}, with digests and blocks; counted by strings alone: ${naive.seconds.toFixed(1)} s`, {
        ours: seconds,
        bound: SPLIT_SECONDS,
        unit: 's',
      }),
      bar(`${what}: peak memory over idle; longest wait of the event loop ${longestMs.toFixed(0)} ms`, {
        ours: growthMib,
        bound: GROWTH_MIB,
        unit: 'MiB',
      }),
      bar(`${what}: blocks`, { ours: stored / TEXT_BYTES, bound: BLOCK_BYTES, unit: 'bytes a byte' }),
      bar(`${what}: looked at again`, { ours: checked, bound: CHECK_SECONDS, unit: 's' }),
      bar(`${PDF_PAGES} pages of a PDF, each`, { ours: 1000 / pages, bound: 1000 / PAGES_A_SECOND, unit: 'ms' }),
    ].every(Boolean);
  } finally {
    await computing.close();
  }
}
