/** write and set_metadata (files.md §7). append is in append.operations.ts, edit in edit.operations.ts. */
import { lookup } from 'mime-types';
import { z } from 'zod';
import { ancestorsOf, refuseRoot } from '../../base/paths.ts';
import type { Operation } from '../../core/operation.ts';
import { type Stored, storeContent } from '../content/content.ts';
import { contentOf, describeFile, writeFile } from './changes.ts';
import {
  type FileObject,
  fileObject,
  toFileObject,
  toWriteResult,
  type WriteResult,
  writeResult,
} from './file-object.ts';
import { foreseeStates } from './files.sql.ts';
import {
  branchParam,
  contentParam,
  contentTypeParam,
  encodingParam,
  etagParam,
  metadataParam,
  metadataText,
  path,
  preconditionParams,
  receive,
} from './params.ts';
import { reachBlindly, reachOne } from './reach.ts';
import { checkKind, checkPrecondition, getFile, lookUp } from './tree.ts';
import { viewOf } from './view-of.ts';

/** By the file's name, where the caller names no type. */
export const contentTypeOf = (name: string): string => lookup(name) || 'application/octet-stream';

const writeInput = z.object({
  path,
  content: contentParam,
  encoding: encodingParam.optional(),
  metadata: metadataParam.optional(),
  content_type: contentTypeParam.optional(),
  ...preconditionParams,
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
  mapPaths: (input, map) => ({ ...input, path: refuseRoot(map(input.path)) }),
  prepare: async (input, preparation) => {
    const { content, encoding, metadata, ...rest } = input;
    const text = metadataText(metadata, preparation.limits);
    const received = await receive(content, encoding, 'content');
    const stored = await storeContent(received, { permission: 'write', path: input.path }, preparation);
    return { ...rest, metadata: text, stored };
  },
  needs: (ready) => [{ permission: 'write', path: ready.path }],
  reach: (ready) =>
    reachBlindly(ready.path, {
      ...ready,
      conditions: [ready.if_match, ready.if_none_match, ready.if_unmodified_since],
    }),
  object: (ready) => ready.path,
  foresee: (ready, zone_id) =>
    ready.branch === undefined ? [foreseeStates(zone_id, [...ancestorsOf(ready.path), ready.path])] : [],
  run: async (call, ready) => {
    const view = await viewOf(call, ready);
    const spot = await lookUp(call, view, ready.path);
    checkKind(call, spot);
    checkPrecondition(call, spot, ready);
    const written = await writeFile(call, view, {
      spot,
      content: {
        ...contentOf(ready.stored),
        content_type: ready.content_type ?? contentTypeOf(ready.path),
        metadata: ready.metadata,
        reason: 'write',
      },
    });
    return toWriteResult(written, call.shown(ready.path));
  },
};

const metadataInput = z.object({ path, metadata: metadataParam, if_match: etagParam.optional(), ...branchParam });
type MetadataInput = z.infer<typeof metadataInput>;

/** The metadata as they are stored. */
type ReadyMetadata = Omit<MetadataInput, 'metadata'> & { readonly metadata: string | null };

export const setMetadata: Operation<MetadataInput, FileObject, ReadyMetadata> = {
  name: 'file.set-metadata',
  tool: 'set_file_metadata',
  summary: "Replace a file's own metadata, without a new version.",
  effect: 'write',
  who: { role: 'operator' },
  input: metadataInput,
  output: fileObject,
  faults: ['ACCESS_DENIED', 'FILE_NOT_FOUND', 'IS_A_DIRECTORY', 'NOT_A_DIRECTORY', 'ETAG_MISMATCH', 'LIMIT_EXCEEDED'],
  rpc: { name: 'set_metadata' },
  cli: { words: 'file set-metadata', args: ['path', 'metadata'] },
  mapPaths: (input, map) => ({ ...input, path: map(input.path) }),
  prepare: async (input, { limits }) => ({ ...input, metadata: metadataText(input.metadata, limits) ?? null }),
  needs: (ready) => [{ permission: 'write', path: ready.path }],
  reach: (ready) => reachOne(ready.path, ready),
  object: (ready) => ready.path,
  run: async (call, ready) => {
    const view = await viewOf(call, ready);
    const state = await getFile(call, view, ready.path);
    checkPrecondition(call, { path: ready.path, state }, ready);
    const changed = await describeFile(call, view, { state, metadata: ready.metadata });
    return toFileObject(changed, call.shown(ready.path));
  },
};
