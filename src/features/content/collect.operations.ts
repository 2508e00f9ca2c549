/**
 * Collection of blobs that nothing names, in steps of the server itself. Guarantees: a blob goes only when no state
 * names it and nobody touched it for an hour, both looked at in the transaction that removes its row; the file of one in
 * the blob store goes after that transaction, and until it has gone a row in `blob_removals` keeps others from storing
 * the same content, so that no put is lost to a removal that was decided before it.
 */
import { z } from 'zod';
import type { Call, Operation } from '../../core/operation.ts';
import { dropRemovals, listRemovals, markUnreferenced, type Reference, removeUnreferenced } from './collect.sql.ts';

const STEP = { who: 'root admin', internal: true, faults: [] } as const;
const hashes = z.array(z.string());

const scanInput = z.object({ after: z.number(), before: z.number() });
const scanOutput = z.object({ loose: hashes, next: z.number().nullable() });
const removeInput = z.object({ sha256s: hashes, before: z.number() });
const removeOutput = z.object({ files: hashes });
const leftInput = z.object({ before: z.number() });
const doneInput = z.object({ sha256s: hashes });

export interface BlobCollection {
  readonly scan: Operation<z.infer<typeof scanInput>, z.infer<typeof scanOutput>>;
  readonly remove: Operation<z.infer<typeof removeInput>, z.infer<typeof removeOutput>>;
  readonly left: Operation<z.infer<typeof leftInput>, string[]>;
  readonly done: Operation<z.infer<typeof doneInput>, null>;
}

/** `references`: every column in which a blob may be named. `held`: somebody reads them who names them nowhere here. */
export function blobCollection(
  references: readonly Reference[],
  held: (call: Pick<Call, 'tx' | 'now'>) => Promise<boolean>,
): BlobCollection {
  return {
    scan: {
      ...STEP,
      name: 'blob.scan',
      summary: 'Look through a stretch of the blobs for those that nothing names.',
      effect: 'read',
      heavy: true,
      input: scanInput,
      output: scanOutput,
      run: async (call, window) => {
        const rows = await markUnreferenced(call.tx, references, window);
        const loose = rows.filter((row) => row.loose === 1).map((row) => row.sha256);
        return { loose, next: rows.at(-1)?.blob_id ?? null };
      },
    },
    remove: {
      ...STEP,
      name: 'blob.remove',
      summary: 'Remove the rows of blobs that nothing names; gives the files that are to be deleted now.',
      effect: 'destroy',
      input: removeInput,
      output: removeOutput,
      run: async (call, input) => ({
        files: (await held(call)) ? [] : await removeUnreferenced(call.tx, references, { ...input, now: call.now }),
      }),
    },
    left: {
      ...STEP,
      name: 'blob.left',
      summary: 'List files whose deletion was decided before a time and not reported since.',
      effect: 'read',
      input: leftInput,
      output: hashes,
      run: (call, { before }) => listRemovals(call.tx, before),
    },
    done: {
      ...STEP,
      name: 'blob.done',
      summary: 'Record that files were deleted, so that the same content may be stored again.',
      effect: 'destroy',
      input: doneInput,
      output: z.null(),
      run: async (call, { sha256s }) => {
        await dropRemovals(call.tx, sha256s);
        return null;
      },
    },
  };
}
