/**
 * Stored contents are read again and compared with their hash. Guarantees: what is taken for damaged was named, and read
 * again behind that; damaged bytes are set aside and not deleted, so that whoever stores the same content again mends
 * it; one of the blob store that a backup has whole is put back at once; of the time that it takes at least half is rest.
 */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../base/log.ts';
import { checkSteps } from '../core/operations.ts';
import { listShelved } from '../features/backups/manifest.ts';
import { hashOf } from '../features/backups/verify.ts';
import {
  type CheckNews,
  type CheckWindow,
  MISSING,
  OTHER_BYTES,
  type StoredContent,
  UNREADABLE,
} from '../features/content/check.operations.ts';
import { BlobError, type Blobs } from '../ports/blobs.ts';
import type { Depot } from '../ports/depot.ts';
import type { RunStep } from './system.ts';

export interface ContentCheckParts {
  readonly step: RunStep;
  readonly blobs: Pick<Blobs, 'read' | 'put' | 'setAside'>;
  readonly log: Log;
  readonly contents: {
    /** Days of a round; 0: only when somebody asks. */
    readonly days: number;
    /** Where backups are. */
    openBackups(): Promise<Depot>;
  };
}

interface Checking extends ContentCheckParts {
  readonly signal: AbortSignal;
}

interface Passing extends Checking {
  /** What this pass could not mend. */
  readonly tried: Set<string>;
}

/** A round that is late is gone on with by another job, so that this one ends before its time is over. */
const PASS_MS = 600_000;

interface Found {
  readonly contents: number;
  readonly bytes: number;
  readonly damages: { readonly sha256: string; readonly reason: string }[];
  readonly whole: string[];
}

/** As much of a round as is due. */
export async function checkContents(
  checking: Checking,
): Promise<{ contents: number; damaged: number; mended: number }> {
  const parts: Passing = { ...checking, tried: new Set() };
  const { step, contents, signal } = parts;
  await step(checkSteps.begin, 'root', { days: contents.days });
  const until = performance.now() + PASS_MS;
  const sum = { contents: 0, damaged: 0, mended: 0 };
  while (performance.now() < until) {
    const window = await step(checkSteps.next, 'root', {});
    if (window.last_id === null) break;
    const found = await lookAt(parts, window);
    sum.contents += found.contents;
    count(sum, await tell(parts, { ...found, last_id: window.last_id, rests: false }));
    signal.throwIfAborted();
  }
  // What was damaged before may have been stored again since.
  const again = await lookAt(parts, await step(checkSteps.known, 'root', {}));
  count(sum, await tell(parts, { ...again, last_id: null, contents: 0, bytes: 0, rests: true }));
  return sum;
}

function count(sum: { damaged: number; mended: number }, { fresh, mended }: CheckNews): void {
  sum.damaged += fresh.length;
  sum.mended += mended.length;
}

async function tell({ step, log }: Checking, news: Parameters<typeof checkSteps.note.run>[1]): Promise<CheckNews> {
  const told = await step(checkSteps.note, 'root', news);
  for (const { sha256, reason } of told.fresh) log('error', 'content.damaged', { sha256, reason });
  for (const sha256 of told.mended) log('info', 'content.mended', { sha256 });
  return told;
}

/** What was read by the step, and those of the blob store. */
async function lookAt(parts: Passing, window: CheckWindow): Promise<Found> {
  const { contents, bytes } = window;
  const found = { contents, bytes, damages: [...window.damages], whole: [...window.whole] };
  for (const stored of window.stored) {
    const reason = await damageOf(parts, stored);
    found.contents++;
    found.bytes += stored.size;
    if (reason === 'unnamed') continue;
    if (reason !== null) found.damages.push({ sha256: stored.sha256, reason });
    if (reason === null || (await mend(parts, stored, reason))) found.whole.push(stored.sha256);
  }
  return found;
}

/** Null: it is whole. Nothing has to be there of what no state names. */
async function damageOf(parts: Checking, stored: StoredContent): Promise<string | null> {
  if ((await readAgain(parts, stored)) === null) return null;
  // It may be stored or removed just now: what a state names from here on was durable before.
  if (!(await parts.step(checkSteps.suspect, 'root', { sha256: stored.sha256 }))) return 'unnamed';
  return readAgain(parts, stored);
}

/** Bytes behind which it rests for as long as they took. */
const STRETCH_BYTES = 4 * 1024 * 1024;

async function readAgain({ blobs, signal }: Checking, { sha256, size }: StoredContent): Promise<string | null> {
  const digest = createHash('sha256');
  let began = performance.now();
  let stretch = 0;
  const rest = async (): Promise<void> => {
    await sleep(performance.now() - began);
    signal.throwIfAborted();
    began = performance.now();
    stretch = 0;
  };
  try {
    for await (const piece of blobs.read(sha256, 0, size)) {
      digest.update(piece);
      stretch += piece.length;
      if (stretch >= STRETCH_BYTES) await rest();
    }
  } catch (thrown) {
    if (!(thrown instanceof BlobError)) throw thrown;
    return thrown.code === 'BLOB_MISSING' ? MISSING : UNREADABLE;
  }
  await rest();
  return digest.digest('hex') === sha256 ? null : OTHER_BYTES;
}

/** False where no backup has it whole, which is tried once in a pass. */
async function mend(parts: Passing, stored: StoredContent, reason: string): Promise<boolean> {
  const { blobs, log, contents, tried } = parts;
  const { sha256, size } = stored;
  if (tried.has(sha256)) return false;
  tried.add(sha256);
  try {
    if (reason !== MISSING) await blobs.setAside(sha256);
    const depot = await contents.openBackups();
    try {
      if ((await listShelved(depot)).ids.length === 0 || (await hashOf(depot.blobs, stored)) !== sha256) return false;
      await blobs.put({ sha256, size, read: (start, end) => depot.blobs.read(sha256, start, end) });
    } finally {
      await depot.close();
    }
  } catch (thrown) {
    // That it is damaged is told all the same, and this is tried again with the next look.
    log('warn', 'content.not-mended', { sha256, err: thrown instanceof Error ? thrown.stack : String(thrown) });
    return false;
  }
  return (await readAgain(parts, stored)) === null;
}
