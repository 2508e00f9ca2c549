/**
 * The index of trigrams, filled in steps of the server itself; no door reaches them. Guarantees: writes pay nothing for
 * it but a row that says the content waits; each step is short, so other writes of the engine hardly wait.
 */
import { z } from 'zod';
import type { Operation } from '../../../core/operation.ts';
import { someBytes } from '../read-shapes.ts';
import { addToIndex, leaveOut, listInline, listWaiting, newestBlob, type WaitingBlob } from './trigram-index.sql.ts';

const STEP = { who: 'root admin', brick: 'search', internal: true, faults: [] } as const;

/**
 * Contents of one step, in blobs and in bytes: 64 KiB of text hold the writer for 10 ms. A larger content is a step by
 * itself.
 */
const STEP_BLOBS = 64;
const STEP_BYTES = 64 * 1024;
/** A larger content stays out of the index: it would hold the writer for too long, and is a candidate of every search. */
export const INDEXED_BYTES_MAX = 256 * 1024;

const nextInput = z.object({ after: z.number() });

const nextOutput = z.object({
  /** Contents to be put into the index; those without `inline` lie in the blob store. */
  texts: z.array(z.object({ blob_id: z.number(), sha256: z.string(), size: z.number(), inline: someBytes.nullable() })),
  too_large: z.array(z.number()),
  /** Undefined when nothing waits behind `after`. */
  last: z.number().optional(),
  /** Grows when somebody writes new content. */
  newest: z.number(),
});

export const nextToIndex: Operation<z.infer<typeof nextInput>, z.infer<typeof nextOutput>> = {
  ...STEP,
  name: 'search.next',
  summary: 'The contents that wait for the index, as many as one step takes.',
  effect: 'read',
  heavy: true,
  input: nextInput,
  output: nextOutput,
  run: async (call, { after }) => {
    const step = stepOf(await listWaiting(call.tx, after, STEP_BLOBS));
    const small = step.filter(({ size }) => size <= INDEXED_BYTES_MAX);
    const inline = small.length === 0 ? new Map() : await listInline(call.tx, ids(small));
    return {
      texts: small.map((blob) => ({ ...blob, inline: inline.get(blob.blob_id) ?? null })),
      too_large: ids(step.filter(({ size }) => size > INDEXED_BYTES_MAX)),
      last: step.at(-1)?.blob_id,
      newest: await newestBlob(call.tx),
    };
  },
};

const ids = (blobs: readonly WaitingBlob[]): number[] => blobs.map(({ blob_id }) => blob_id);

function stepOf(waiting: readonly WaitingBlob[]): WaitingBlob[] {
  const step: WaitingBlob[] = [];
  let bytes = 0;
  for (const blob of waiting) {
    const size = blob.size > INDEXED_BYTES_MAX ? 0 : blob.size;
    if (bytes > 0 && bytes + size > STEP_BYTES) break;
    step.push(blob);
    bytes += size;
  }
  return step;
}

const waiting = z.array(z.number());

export const waitingForIndex: Operation<Record<string, never>, z.infer<typeof waiting>> = {
  ...STEP,
  name: 'search.waits',
  summary: 'List the first contents that wait for the index.',
  effect: 'read',
  input: z.object({}),
  output: waiting,
  run: async (call) => ids(await listWaiting(call.tx, 0, STEP_BLOBS)),
};

const addInput = z.object({
  texts: z.array(
    z.object({
      blob_id: z.number(),
      sha256: z.string(),
      /** Null for what no line pattern can match. */
      text: z.string().nullable(),
    }),
  ),
  too_large: z.array(z.number()),
});

export const indexTexts: Operation<z.infer<typeof addInput>, null> = {
  ...STEP,
  name: 'search.index',
  summary: 'Put contents into the index.',
  effect: 'write',
  grows: true,
  input: addInput,
  output: z.null(),
  run: async (call, { texts, too_large }) => {
    for (const entry of texts) await addToIndex(call.tx, entry);
    for (const blob_id of too_large) await leaveOut(call.tx, blob_id);
    return null;
  },
};

export const indexingOperations = [nextToIndex, waitingForIndex, indexTexts];
