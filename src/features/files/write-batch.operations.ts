/** write_batch (files.md §7): many files in one transaction, all or nothing, with one event each. */
import { z } from 'zod';
import { atIndex } from '../../base/at-index.ts';
import { invalidParams } from '../../base/faults.ts';
import { refuseRoot } from '../../base/paths.ts';
import type { Operation } from '../../core/operation.ts';
import { type Received, type Stored, storeContents } from '../content/content.ts';
import { applyChange, contentOf, newChange, planWrite } from './changes.ts';
import { toWriteResult, type WriteResult, writeResult } from './file-object.ts';
import {
  branchParam,
  contentParam,
  contentTypeParam,
  encodingParam,
  itemParam,
  metadataParam,
  metadataText,
  path,
  preconditionParams,
  receive,
  within,
} from './params.ts';
import { reachEach } from './reach.ts';
import { checkKind, checkPrecondition, lookUpAll, spotOf } from './tree.ts';
import { viewOf } from './view-of.ts';
import { contentTypeOf } from './write.operations.ts';

const batchFile = itemParam({
  path,
  content: contentParam,
  encoding: encodingParam.optional(),
  metadata: metadataParam.optional(),
  content_type: contentTypeParam.optional(),
  ...preconditionParams,
});
type BatchFile = z.infer<typeof batchFile>;

const batchInput = z.object({
  files: z
    .array(
      z.union([
        z.tuple([path, contentParam]).transform(([path, content]): BatchFile => ({ path, content })),
        batchFile,
      ]),
    )
    .describe('[path, content] or {path, content, encoding, metadata, content_type, if_match, if_none_match}'),
  ...branchParam,
});
type BatchInput = z.infer<typeof batchInput>;

interface ReadyFile extends Omit<BatchFile, 'content' | 'encoding' | 'metadata'> {
  readonly stored: Stored;
  readonly metadata: string | null | undefined;
}

interface ReadyBatch {
  readonly branch: string | undefined;
  readonly files: readonly ReadyFile[];
}

const needsOf = (files: readonly { readonly path: string }[]) =>
  files.map(({ path }, index) => ({ permission: 'write', path, index }) as const);

export const writeBatch: Operation<BatchInput, WriteResult[], ReadyBatch> = {
  name: 'file.write-batch',
  tool: 'write_files',
  summary: 'Write many files in one step: all of them or none.',
  effect: 'write',
  who: { role: 'operator' },
  input: batchInput,
  output: z.array(writeResult),
  faults: [
    'ACCESS_DENIED',
    'IS_A_DIRECTORY',
    'NOT_A_DIRECTORY',
    'ETAG_MISMATCH',
    'ALREADY_EXISTS',
    'LIMIT_EXCEEDED',
    'QUOTA_EXCEEDED',
  ],
  rpc: { name: 'write_batch' },
  cli: { words: 'file write-batch', args: ['files…'] },
  examples: [
    {
      title: 'two files',
      input: {
        files: [
          { path: '/batch/a', content: 'a' },
          { path: '/batch/b', content: 'b' },
        ],
      },
    },
  ],
  mapPaths: (input, map) => ({
    ...input,
    files: input.files.map((file, index) => ({ ...file, path: atIndex(index, () => refuseRoot(map(file.path))) })),
  }),
  prepare: async ({ files, branch }, preparation) => {
    within('BATCH_ITEMS', preparation.limits, { actual: files.length, what: 'files' });
    refuseTwice(files);
    const received: Received[] = [];
    const rest: Omit<ReadyFile, 'stored'>[] = [];
    for (const [index, { content, encoding, metadata, ...file }] of files.entries()) {
      rest.push({ ...file, metadata: atIndex(index, () => metadataText(metadata, preparation.limits)) });
      received.push(await receive(content, encoding, `files.${index}.content`));
    }
    const stored = await storeContents(received, needsOf(files), preparation);
    return { branch, files: rest.map((file, index) => ({ ...file, stored: stored[index]! })) };
  },
  needs: (ready) => needsOf(ready.files),
  reach: (ready) =>
    reachEach(
      ready.files.map(({ path }) => path),
      ready,
    ),
  object: (ready) => ready.files[0]?.path ?? '',
  run: async (call, { files, branch }) => {
    call.audit({ files: files.length });
    const view = await viewOf(call, { branch });
    const seen = await lookUpAll(
      call,
      view,
      files.map((file) => file.path),
    );
    const change = newChange();
    const results = files.map((file, index) =>
      atIndex(index, () => {
        const spot = spotOf(call, seen, file.path);
        checkKind(call, spot);
        checkPrecondition(call, spot, file);
        const { length } = change.begun;
        const { metadata, content_type = contentTypeOf(file.path) } = file;
        const content = { ...contentOf(file.stored), content_type, metadata, reason: 'write' } as const;
        const written = planWrite(call, view, { spot, content, change });
        // What comes later finds this file, and the folders that were made for it.
        for (const state of change.begun.slice(length)) seen.rows.set(state.path, state);
        return toWriteResult(written, call.shown(file.path));
      }),
    );
    await applyChange(call, view, change);
    return results;
  },
};

function refuseTwice(files: readonly { readonly path: string }[]): void {
  const first = new Map<string, number>();
  for (const [index, { path }] of files.entries()) {
    const before = first.get(path);
    if (before !== undefined) {
      throw invalidParams({ path: `files.${index}.path`, message: `${path} is that of files.${before} too` });
    }
    first.set(path, index);
  }
}
