/**
 * The loop that fills the index of trigrams. Guarantees: what waits stands in rows, so a loop that is killed anywhere is
 * carried on by the next one; while others write it takes a tenth of the writer's time; while it lags, grep reads what is
 * not in the index, so no answer depends on it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { newId } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import type { Runner } from '../core/transact.ts';
import { indexTexts, nextToIndex } from '../features/files/search/indexing.operations.ts';
import { claim } from '../features/zones/sweep.operations.ts';
import { BlobError, type Blobs } from '../ports/blobs.ts';
import type { Clock } from '../ports/clock.ts';
import { type RunStep, systemSteps } from './system.ts';

export interface IndexerParts {
  readonly runner: Runner;
  readonly blobs: Blobs;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Indexer {
  /** Ends the loop between two steps. */
  stop(): Promise<void>;
}

/** How often contents that wait are looked for. */
const TICK_MS = 1_000;
/** Pause after a step, as a multiple of the time it took: when nobody wrote content since the last step, and else. */
const IDLE_PAUSE = 1;
const BUSY_PAUSE = 9;
/** One node at a time fills the index. */
const LEASE = 'search index';
const LEASE_MS = 30_000;

interface Indexing {
  readonly step: RunStep;
  readonly blobs: Blobs;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly holder: string;
}

export function startIndexer(parts: IndexerParts): Indexer {
  const stopping = new AbortController();
  const { signal } = stopping;
  const { blobs, clock } = parts;
  const indexing: Indexing = { step: systemSteps(parts.runner), blobs, clock, signal, holder: newId('node') };
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      await fillIndex(indexing).catch((thrown: unknown) => {
        parts.log('warn', 'index.failed', { err: thrown instanceof Error ? thrown.stack : String(thrown) });
      });
      await pause(TICK_MS, signal);
    }
  };
  const ended = run();
  return {
    stop: async () => {
      stopping.abort();
      await ended;
    },
  };
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  sleep(ms, undefined, { signal }).catch(() => undefined);

type Next = Awaited<ReturnType<typeof nextToIndex.run>>;

/** Everything that waits now, in steps. */
async function fillIndex(indexing: Indexing): Promise<void> {
  const { step, clock, signal, holder } = indexing;
  let after = 0;
  let renewAt = 0;
  let newest = 0;
  while (!signal.aborted) {
    const next = await step(nextToIndex, 'root', { after });
    if (next.last === undefined) return;
    if (clock.now() >= renewAt) {
      if (!(await step(claim, 'root', { name: LEASE, holder, lease_ms: LEASE_MS }))) return;
      renewAt = clock.now() + LEASE_MS / 2;
    }
    const texts = await textsOf(indexing, next);
    const began = performance.now();
    if (texts.length > 0 || next.too_large.length > 0) {
      await step(indexTexts, 'root', { texts, too_large: next.too_large });
    }
    const share = next.newest === newest ? IDLE_PAUSE : BUSY_PAUSE;
    after = next.last;
    newest = next.newest;
    await pause((performance.now() - began) * share, signal);
  }
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
