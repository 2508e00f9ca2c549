/** Operations on blobs; none is reachable by a door. */
import { z } from 'zod';
import type { Operation } from '../../core/operation.ts';
import { reserveBlobRows } from './content.sql.ts';

const input = z.object({ blobs: z.array(z.object({ sha256: z.string(), size: z.number(), utf8: z.boolean() })) });

/**
 * Commits the rows of blobs before their files are written, so that a crash leaves rows that collection finds. False
 * while a file of one of these names is being removed: then they may not be written yet.
 */
export const reserveBlobs: Operation<z.infer<typeof input>, boolean> = {
  name: 'blob.reserve',
  summary: 'Announce blobs whose files are about to be written.',
  effect: 'write',
  who: { role: 'viewer' },
  internal: true,
  input,
  output: z.boolean(),
  faults: [],
  run: (call, { blobs }) => reserveBlobRows(call.tx, blobs, call.now),
};

export const contentOperations = [reserveBlobs];
