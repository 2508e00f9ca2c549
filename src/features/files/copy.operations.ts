/** copy (files.md §7): content, metadata and content type; not history, not grants. The cost grows with entries. */
import { z } from 'zod';
import { isoTime } from '../../base/clock.ts';
import { refuseRoot } from '../../base/paths.ts';
import type { Call, Operation } from '../../core/operation.ts';
import type { Representation } from '../content/content.ts';
import { checkQuota } from '../zones/quota.ts';
import { makeParents, onBranch, writeFile } from './changes.ts';
import { toWriteResult, writeResult } from './file-object.ts';
import { copySubtree, countBelow, type StateRow } from './files.sql.ts';
import { checkPathsFit, refuseInto } from './moves.ts';
import { branchParam, path } from './params.ts';
import { reachInto, reachOne } from './reach.ts';
import { alreadyExists, fileNotFound, isADirectory, lookUpAll, type Spot, spotOf } from './tree.ts';
import type { View } from './view.ts';
import { viewOf } from './view-of.ts';

const copyInput = z.object({
  src_path: path,
  dst_path: path,
  recursive: z.boolean().default(false).describe('directories too, with all that is below'),
  overwrite: z.boolean().default(false).describe('a file may become the next version of a file'),
  ...branchParam,
});
type CopyInput = z.infer<typeof copyInput>;

/** Of a directory, what only files have is null, as in its file object. */
const copyOutput = writeResult.extend({
  etag: z.string().nullable(),
  hash: z.string().nullable(),
  version: z.number().nullable(),
  content_type: z.string().nullable(),
  encoding: z.string().nullable(),
  bytes_written: writeResult.shape.bytes_written.extend({
    etag: z.string().nullable(),
    version: z.number().nullable(),
  }),
  copied: z.literal(true),
  files: z.number(),
});
type CopyOutput = z.infer<typeof copyOutput>;

export const copy: Operation<CopyInput, CopyOutput> = {
  name: 'file.copy',
  summary: 'Copy a file, or with recursive a directory.',
  effect: 'write',
  who: { role: 'operator' },
  input: copyInput,
  output: copyOutput,
  faults: ['ACCESS_DENIED', 'FILE_NOT_FOUND', 'IS_A_DIRECTORY', 'NOT_A_DIRECTORY', 'ALREADY_EXISTS', 'QUOTA_EXCEEDED'],
  rpc: { name: 'copy', aliases: ['copy_file'] },
  cli: { words: 'file copy', args: ['src_path', 'dst_path'] },
  mapPaths: (input, map) => {
    const shown = input.dst_path;
    const src_path = map(input.src_path);
    const dst_path = refuseRoot(map(input.dst_path));
    refuseInto(src_path, dst_path, shown);
    return { ...input, src_path, dst_path };
  },
  needs: ({ src_path, dst_path }) => [
    { permission: 'read', path: src_path },
    { permission: 'write', path: dst_path },
  ],
  reach: (input) => [
    ...reachInto(input.src_path, input, { depth: input.recursive ? 'tree' : 'one', content: true }),
    ...reachOne(input.dst_path, input),
  ],
  object: (input) => input.dst_path,
  run: async (call, input) => {
    const { src_path, dst_path, recursive, overwrite } = input;
    const view = await viewOf(call, input);
    const seen = await lookUpAll(call, view, [src_path, dst_path]);
    const source = spotOf(call, seen, src_path).state;
    if (!source) throw fileNotFound(call, src_path);
    if (source.kind === 'd' && !recursive) throw isADirectory(call, src_path);
    const target = spotOf(call, seen, dst_path);
    const both = source.kind === 'f' && target.state?.kind === 'f';
    if (target.state && !(overwrite && both)) throw alreadyExists(call, dst_path);
    return source.kind === 'f'
      ? copyFile(call, view, { source, target })
      : copyDirectory(call, view, { source, target });
  },
};

interface Copying {
  readonly source: StateRow;
  readonly target: Spot;
}

async function copyFile(call: Call, view: View, { source, target }: Copying): Promise<CopyOutput> {
  if (source.etag === null) throw new Error(`the file ${source.path} has no content`);
  const written = await writeFile(call, view, {
    spot: target,
    content: {
      sha256: source.etag,
      size: source.size,
      blob: null,
      encoding: source.encoding as Representation,
      content_type: source.content_type,
      metadata: source.metadata,
      reason: 'copy',
      told: { source: source.path },
    },
  });
  return { ...toWriteResult(written, call.shown(target.path)), copied: true, files: 1 };
}

async function copyDirectory(call: Call, view: View, { source, target }: Copying): Promise<CopyOutput> {
  const way = { from: source.path, to: target.path };
  const below = await countBelow(call.tx, view, source.path);
  checkPathsFit(call, below, way);
  if (below.files > 0) checkQuota(call.zone, 'file_bytes', { used: 0, by: below.largest });
  call.use('storage_bytes', below.bytes);
  call.use('files', below.files);
  const data = { via: 'copy', source: source.path, subtree: true, files: below.files };
  const revision = call.event({ type: 'write', path: target.path, ...onBranch(view), data });
  await makeParents(call, view, { spot: target, revision });
  const ordinals = target.missing.length;
  const by = call.caller.user_id;
  await copySubtree(call.tx, view, { ...way, revision, ordinals, now: call.now, by });
  const shown = call.shown(target.path);
  const at = isoTime(call.now);
  const nothing = { etag: null, version: null, size: 0, modified_at: at };
  return {
    path: shown,
    ...nothing,
    hash: null,
    created: true,
    created_at: at,
    revision,
    content_type: null,
    encoding: null,
    bytes_written: { path: shown, ...nothing },
    copied: true,
    files: below.files,
  };
}
