/** Operations on blobs; none is reachable by a door. */
import { z } from 'zod';
import type { Operation } from '../../core/operation.ts';
import { touchBlob } from './content.sql.ts';

const input = z.object({ sha256: z.string(), size: z.number(), utf8: z.boolean() });

/** Commits the row of a blob before its file is written, so that a crash leaves a row that collection finds. */
export const reserveBlob: Operation<z.infer<typeof input>, null> = {
  name: 'blob.reserve',
  summary: 'Announce a blob whose file is about to be written.',
  effect: 'write',
  who: { role: 'viewer' },
  internal: true,
  input,
  output: z.null(),
  faults: [],
  run: async (call, blob) => {
    await touchBlob(call.tx, { ...blob, inline: null }, call.now);
    return null;
  },
};

export const contentOperations = [reserveBlob];
