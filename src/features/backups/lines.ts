/** Lines of JSON, compressed: how the parts of a backup are written and read. A line at a time is in memory. */
import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import type { ScratchFile } from '../../ports/scratch.ts';

export interface LinesWriter {
  write(text: string): Promise<void>;
  end(): Promise<void>;
}

export function compressInto(file: ScratchFile): LinesWriter {
  const gzip = createGzip({ level: 5 });
  const written = (async () => {
    for await (const piece of gzip) await file.append(piece as Uint8Array);
  })();
  // Whoever writes next hears of a failure, and `end` at the latest.
  written.catch(() => undefined);
  return {
    write: async (text) => {
      if (!gzip.write(text)) await Promise.race([once(gzip, 'drain'), written]);
    },
    end: async () => {
      gzip.end();
      await written;
    },
  };
}

/** What was compressed, in pieces. */
export async function* expanded(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip();
  // What fails in it ends the loop below with the same error.
  const fed = pipeline(pieces, gunzip).catch(() => undefined);
  try {
    for await (const piece of gunzip) yield piece as Uint8Array;
  } finally {
    gunzip.destroy();
    await fed;
  }
}

/** The lines of a text that comes in pieces, a list for each piece that ends one. */
export async function* linesOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<string[]> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let rest = '';
  for await (const piece of pieces) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    if (lines.length > 0) yield lines;
  }
  rest += decoder.decode();
  if (rest !== '') throw new Error('the last line has no end');
}
