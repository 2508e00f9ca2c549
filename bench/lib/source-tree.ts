/** A tree of files like source code, the same at each run, on disk for the peers and in the server for Nexus. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Account, call } from './calls.ts';

export interface SourceFile {
  /** Relative. */
  readonly path: string;
  readonly text: string;
}

/** In exactly one line of one file. */
export const RARE = 'xylophoneNeedle42';

const WORDS = 4_000;
const LETTERS = 'etaoinshrdlucmfwypvbgkjqxz';
/** Bytes of a file: between these for nearly all, as e to the power of something even. */
const SMALLEST = 500;
const RANGE = 2.6;
/** One file in so many is larger than what SQL keeps inline. */
const LARGE_EVERY = 500;
const LARGE_BYTES = 100_000;

/** Numbers below 1, the same at each run (a linear congruential generator, constants of Numerical Recipes). */
function dice(): () => number {
  let seed = 42;
  return () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32;
  };
}

export function sourceFiles(count: number): SourceFile[] {
  const roll = dice();
  const below = (limit: number): number => Math.floor(roll() * limit);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(roll() * roll() * list.length)]!;
  const words = Array.from({ length: WORDS }, () =>
    Array.from({ length: 2 + below(9) }, () => pick([...LETTERS])).join(''),
  );
  const line = (): string => {
    const text = Array.from({ length: 3 + below(9) }, () => pick(words)).join(' ');
    const call = below(10) === 0 ? ` return ${pick(words)}(${below(1_000)});` : '';
    return ' '.repeat(2 * below(4)) + text + call;
  };
  return Array.from({ length: count }, (_, i) => {
    const size = i % LARGE_EVERY === 7 ? LARGE_BYTES : SMALLEST * Math.exp(roll() * RANGE);
    const lines: string[] = [];
    for (let bytes = 0; bytes < size; bytes += lines.at(-1)!.length + 1) lines.push(line());
    if (i === Math.floor(count * 0.7)) lines.push(`here is the ${RARE} of it`);
    const folder = `area${i % 20}/part${Math.floor(i / 20) % 25}/unit${Math.floor(i / 500) % 4}`;
    return { path: `${folder}/file${i}.ts`, text: `${lines.join('\n')}\n` };
  });
}

/** Checks the tree out into a new folder and gives that. */
export function checkOut(files: readonly SourceFile[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-tree-'));
  for (const { path, text } of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

/** Files of one call. */
const BATCH = 200;

export async function upload(account: Account, folder: string, files: readonly SourceFile[]): Promise<void> {
  for (let from = 0; from < files.length; from += BATCH) {
    const batch = files.slice(from, from + BATCH).map(({ path, text }) => [`${folder}/${path}`, text]);
    await call(account, 'write_batch', { files: batch });
  }
}
