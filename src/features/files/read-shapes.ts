/** What the reading operations take and give (files.md §7). */
import { z } from 'zod';
import { Fault } from '../../base/faults.ts';
import type { StoredBytes } from '../../core/operation.ts';
import type { ContentRow } from './files.sql.ts';
import { path, viewParams } from './params.ts';

export const readInput = z.object({
  path,
  encoding: z.enum(['utf-8', 'base64', 'bytes']).optional().describe('as stored unless given'),
  return_metadata: z
    .boolean()
    .default(false)
    .describe('answer with etag, version, size and metadata beside the content'),
  offset: z.int().min(0).optional().describe('first byte'),
  count: z.int().min(0).optional().describe('bytes at most'),
  version: z.int().min(1).optional().describe('version of the file; the newest unless given'),
  ...viewParams,
});
export type ReadInput = z.infer<typeof readInput>;

export const someBytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array);
export const storedBytes = z.custom<StoredBytes>((value) => typeof value === 'object' && value !== null);

/** A file's row with the part of its content that was asked for; the doors make of it what they answer. */
export const readOutput = z.object({
  /** As the caller asked for it, with a zone prefix if it had one. */
  path: z.string(),
  row: z.custom<ContentRow>((value) => typeof value === 'object' && value !== null),
  content: storedBytes,
  metadata: z.custom<Readonly<Record<string, unknown>>>((value) => typeof value === 'object' && value !== null),
  start: z.number(),
  end: z.number(),
});
export type ReadOutput = z.infer<typeof readOutput>;

/** NOT_TEXT for a text operation on content that is not UTF-8. */
export const notText = (shown: string): Fault =>
  new Fault('NOT_TEXT', `${shown} is not UTF-8 text; read it with encoding base64 or bytes`, { path: shown });
