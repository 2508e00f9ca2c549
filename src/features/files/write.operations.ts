/** write and set_metadata (files.md §7). append is in append.operations.ts, edit in edit.operations.ts. */
import { lookup } from 'mime-types';
import { z } from 'zod';
import { refuseRoot } from '../../base/paths.ts';
import type { Operation } from '../../core/operation.ts';
import { type Stored, storeContent } from '../content/content.ts';
import { fileObject, toFileObject, toWriteResult, type WriteResult, writeResult } from './file-object.ts';
import { endState, insertState, STATE_COLUMNS, type StateRow } from './files.sql.ts';
import {
  branchParam,
  contentParam,
  encodingParam,
  etagParam,
  metadataParam,
  metadataText,
  path,
  receive,
} from './params.ts';
import { checkPrecondition, getFile, lookUp, writeFile } from './tree.ts';
import { selectStates, type View } from './view.ts';
import { viewOf } from './view-of.ts';

/** By the file's name, where the caller names no type. */
export const contentTypeOf = (name: string): string => lookup(name) || 'application/octet-stream';

const writeInput = z.object({
  path,
  content: contentParam,
  encoding: encodingParam.optional(),
  metadata: metadataParam.optional(),
  content_type: z.string().min(1).max(255).optional(),
  if_match: etagParam.optional(),
  if_none_match: z
    .union([z.boolean(), z.literal('*')])
    .transform((value) => value !== false)
    .optional()
    .describe('true or "*": only if there is nothing'),
  ...branchParam,
});

type WriteInput = z.infer<typeof writeInput>;

/** What is left of the input once the content is stored. */
export interface ReadyWrite extends Omit<WriteInput, 'content' | 'encoding' | 'metadata'> {
  readonly stored: Stored;
  readonly metadata: string | null | undefined;
}

export const write: Operation<WriteInput, WriteResult, ReadyWrite> = {
  name: 'file.write',
  summary: 'Write a file: create it, or make its next version.',
  effect: 'write',
  who: { role: 'operator' },
  input: writeInput,
  output: writeResult,
  faults: ['ACCESS_DENIED', 'IS_A_DIRECTORY', 'NOT_A_DIRECTORY', 'ETAG_MISMATCH', 'ALREADY_EXISTS', 'QUOTA_EXCEEDED'],
  rpc: { name: 'write', aliases: ['write_file'] },
  cli: { words: 'file write', args: ['path', 'content'] },
  examples: [{ title: 'a text', input: { path: '/notes/today.md', content: 'Hello.\n' } }],
  mapPaths: (input, map) => ({ ...input, path: map(input.path) }),
  prepare: async (input, preparation) => {
    refuseRoot(input.path);
    const { content, encoding, metadata, ...rest } = input;
    const text = metadataText(metadata, preparation.limits);
    const received = await receive(content, encoding, 'content');
    const stored = await storeContent(received, { permission: 'write', path: input.path }, preparation);
    return { ...rest, metadata: text, stored };
  },
  needs: (ready) => [{ permission: 'write', path: ready.path }],
  object: (ready) => ready.path,
  run: async (call, ready) => {
    const view = await viewOf(call, ready);
    const spot = await lookUp(call, view, ready.path);
    checkPrecondition(call, spot, ready);
    const written = await writeFile(call, view, {
      spot,
      content: {
        ...ready.stored,
        content_type: ready.content_type ?? contentTypeOf(ready.path),
        metadata: ready.metadata,
        reason: 'write',
      },
    });
    return toWriteResult(written, call.shown(ready.path));
  },
};

const metadataInput = z.object({ path, metadata: metadataParam, if_match: etagParam.optional(), ...branchParam });

export const setMetadata: Operation<z.infer<typeof metadataInput>, z.infer<typeof fileObject>> = {
  name: 'file.set-metadata',
  summary: "Replace a file's own metadata, without a new version.",
  effect: 'write',
  who: { role: 'operator' },
  input: metadataInput,
  output: fileObject,
  faults: ['ACCESS_DENIED', 'FILE_NOT_FOUND', 'IS_A_DIRECTORY', 'ETAG_MISMATCH', 'LIMIT_EXCEEDED'],
  rpc: { name: 'set_metadata' },
  cli: { words: 'file set-metadata', args: ['path', 'metadata'] },
  mapPaths: (input, map) => ({ ...input, path: map(input.path) }),
  needs: (input) => [{ permission: 'write', path: input.path }],
  object: (input) => input.path,
  run: async (call, input) => {
    const text = metadataText(input.metadata, call.limits) ?? null;
    const view = await viewOf(call, input);
    const state = await getFile(call, view, input.path);
    checkPrecondition(call, { path: input.path, state }, input);
    const { branch } = view.layers[0];
    const revision = call.event({
      type: 'write',
      path: input.path,
      ...(branch === 'main' ? {} : { branch }),
      data: { via: 'metadata', version: state.version, etag: state.etag, size: state.size },
    });
    if (state.branch !== branch) {
      call.use('storage_bytes', state.size);
      call.use('files', 1);
    }
    const changed = await succeed(call.tx, view, { state, revision, metadata: text });
    return toFileObject(changed, call.shown(input.path));
  },
};

interface Succession {
  readonly state: StateRow;
  readonly revision: number;
  readonly metadata: string | null;
}

/** The same version goes on with other metadata. */
async function succeed(tx: Parameters<typeof endState>[0], view: View, next: Succession): Promise<StateRow> {
  const { state, revision } = next;
  const { branch } = view.layers[0];
  const place = { zone_id: view.zone_id, branch };
  const query = selectStates(view, {
    columns: `${STATE_COLUMNS}, s.parent, s.reason`,
    where: 's.path = ?',
    params: [state.path],
  });
  const row = await tx.get<StateRow & { parent: string; reason: string }>(query.sql, query.params);
  if (!row) throw new Error(`state of ${state.path} vanished inside its transaction`);
  if (row.branch === branch) await endState(tx, place, { path: row.path, revision });
  await insertState(tx, { ...row, ...place, began: revision, metadata: next.metadata });
  return { ...row, began: revision, metadata: next.metadata };
}
