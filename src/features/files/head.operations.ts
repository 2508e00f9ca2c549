/** What a change that is computed outside its transaction begins with: the file as it is, and that it may be changed. */
import { z } from 'zod';
import type { Operation, Preparation } from '../../core/operation.ts';
import type { BlobSource } from '../../ports/blobs.ts';
import { sourceOf } from '../content/content.ts';
import { findContent } from './files.sql.ts';
import { branchParam, etagParam, path } from './params.ts';
import { reachOne } from './reach.ts';
import { someBytes } from './read-shapes.ts';
import { checkKind, checkPrecondition, fileNotFound, lookUp } from './tree.ts';
import { viewOf } from './view-of.ts';

const headInput = z.object({
  path,
  if_match: etagParam.optional(),
  /** A missing file is FILE_NOT_FOUND, not null. */
  must_exist: z.boolean(),
  ...branchParam,
});

export const headShape = z.object({
  etag: z.string(),
  version: z.number(),
  size: z.number(),
  utf8: z.boolean(),
  inline: someBytes.nullable(),
});
export type Head = z.infer<typeof headShape>;

export const findHead: Operation<z.infer<typeof headInput>, Head | null> = {
  name: 'file.head',
  summary: 'The content of a file that is going to be changed.',
  effect: 'read',
  who: { role: 'operator' },
  internal: true,
  input: headInput,
  output: headShape.nullable(),
  faults: ['ACCESS_DENIED', 'FILE_NOT_FOUND', 'IS_A_DIRECTORY', 'NOT_A_DIRECTORY', 'ETAG_MISMATCH'],
  needs: (input) => [{ permission: 'write', path: input.path }],
  reach: (input) => reachOne(input.path, input),
  run: async (call, input) => {
    const view = await viewOf(call, input);
    const row = await findContent(call.tx, view, input.path);
    const spot = row ? { path: input.path, state: row } : await lookUp(call, view, input.path);
    checkKind(call, spot);
    if (!row && input.must_exist) throw fileNotFound(call, input.path);
    checkPrecondition(call, spot, input);
    return row ? { ...row, etag: row.etag ?? '', utf8: row.utf8 === 1 } : null;
  },
};

/** The bytes of a head, wherever they lie. */
export const headSource = (found: Head, blobs: Preparation['blobs']): BlobSource =>
  found.inline
    ? sourceOf(found.inline)
    : { size: found.size, sha256: found.etag, read: (start, end) => blobs.read(found.etag, start, end) };
