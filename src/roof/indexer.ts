/**
 * Fills the index of trigrams. Guarantees: what waits stands in rows, so a pass that is broken off anywhere is carried on
 * by the next one; while others write it takes a tenth of the writer's time; while it lags, grep reads what is not in the
 * index, so no answer depends on it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { indexTexts, nextToIndex } from '../features/files/search/indexing.operations.ts';
import type { JobRun } from '../features/jobs/job-types.ts';
import { BlobError, type Blobs } from '../ports/blobs.ts';
import type { RunStep } from './system.ts';

/** Pause after a step, as a multiple of the time it took: when nobody wrote content since the last step, and else. */
const IDLE_PAUSE = 1;
const BUSY_PAUSE = 9;
/** How often, and for how long, it looks for more when it is done: a job for each of many writes would cost more. */
const LOOK_MS = 500;
const LINGER_MS = 3_000;
/** A pass ends then, and another one begins. */
const PASS_MS = 300_000;

interface Indexing {
  readonly step: RunStep;
  readonly blobs: Blobs;
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  sleep(ms, undefined, { signal }).catch(() => undefined);

type Next = Awaited<ReturnType<typeof nextToIndex.run>>;

/** Everything that waits, in steps, and what comes while it is at it. */
export async function fillIndex(
  indexing: Indexing,
  { signal }: Pick<JobRun, 'signal'>,
): Promise<Readonly<Record<string, number>>> {
  const { step } = indexing;
  const until = performance.now() + PASS_MS;
  let lastWork = performance.now();
  let after = 0;
  let newest = 0;
  let contents = 0;
  while (!signal.aborted && performance.now() < until) {
    const next = await step(nextToIndex, 'root', { after });
    if (next.last === undefined) {
      if (performance.now() - lastWork >= LINGER_MS) break;
      after = 0;
      await pause(LOOK_MS, signal);
      continue;
    }
    after = next.last;
    const texts = await textsOf(indexing, next);
    const began = performance.now();
    // What is announced and not yet stored is no work.
    if (texts.length === 0 && next.too_large.length === 0) continue;
    await step(indexTexts, 'root', { texts, too_large: next.too_large });
    contents += texts.length;
    const share = next.newest === newest ? IDLE_PAUSE : BUSY_PAUSE;
    newest = next.newest;
    lastWork = performance.now();
    await pause((lastWork - began) * share, signal);
  }
  return { contents };
}

interface Entry {
  readonly blob_id: number;
  readonly sha256: string;
  readonly text: string | null;
}

/** What a step puts into the index. A blob that is announced and not yet stored waits on. */
async function textsOf({ blobs }: Indexing, { texts }: Next): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const { blob_id, sha256, size, inline } of texts) {
    const bytes = inline ?? (await storedBytes(blobs, sha256, size));
    if (bytes) entries.push({ blob_id, sha256, text: textOf(bytes) });
  }
  return entries;
}

async function storedBytes(blobs: Blobs, sha256: string, size: number): Promise<Uint8Array | undefined> {
  try {
    const pieces: Uint8Array[] = [];
    for await (const piece of blobs.read(sha256, 0, size)) pieces.push(piece);
    return Buffer.concat(pieces);
  } catch (thrown) {
    if (thrown instanceof BlobError && thrown.code === 'BLOB_MISSING') return undefined;
    throw thrown;
  }
}

/** Content with a NUL byte is no text, and no database keeps it as one. */
const textOf = (bytes: Uint8Array): string | null =>
  bytes.includes(0) ? null : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
