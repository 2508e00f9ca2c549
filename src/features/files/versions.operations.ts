/** list_versions, get_version and rollback (files.md §7, Versions). diff_versions is in diff.operations.ts. */
import { z } from 'zod';
import { isoTime } from '../../base/clock.ts';
import type { Operation } from '../../core/operation.ts';
import type { Representation } from '../content/content.ts';
import { writeFile } from './changes.ts';
import { toWriteResult, writeResult } from './file-object.ts';
import { viewToRead } from './history/past-access.ts';
import { branchParam, etagParam, path, viewParams } from './params.ts';
import { reachPast } from './reach.ts';
import { read } from './read.operations.ts';
import { type ReadInput, type ReadOutput, readInput } from './read-shapes.ts';
import { checkPrecondition, getFile, lookUpFile } from './tree.ts';
import { listVersionStates } from './versions.sql.ts';
import { getVersionOf } from './versions.ts';
import { viewOf } from './view-of.ts';

const VERSIONS_DEFAULT = 1_000;

const listInput = z.object({
  path,
  limit: z.int().min(1).default(VERSIONS_DEFAULT).describe(`versions at most, ${VERSIONS_DEFAULT} unless given`),
  before_version: z.int().min(1).optional().describe('only versions below this one'),
  ...viewParams,
});

const versionObject = z.object({
  version: z.number(),
  etag: z.string(),
  content_hash: z.string(),
  size: z.number(),
  mime_type: z.string(),
  encoding: z.string(),
  created_at: z.string(),
  created_by: z.string(),
  change_reason: z.enum(['write', 'append', 'edit', 'copy', 'rollback', 'restore', 'merge']),
  revision: z.number(),
  path: z.string(),
});
type VersionObject = z.infer<typeof versionObject>;

export const listVersions: Operation<z.infer<typeof listInput>, VersionObject[]> = {
  name: 'version.list',
  summary: "List a file's versions, newest first; history follows renames.",
  effect: 'read',
  who: { role: 'viewer' },
  input: listInput,
  output: z.array(versionObject),
  faults: ['ACCESS_DENIED', 'FILE_NOT_FOUND', 'IS_A_DIRECTORY', 'NOT_A_DIRECTORY'],
  rpc: { name: 'list_versions' },
  cli: { words: 'file versions', args: ['path'] },
  mapPaths: (input, map) => ({ ...input, path: map(input.path) }),
  needs: (input) => [{ permission: 'read', path: input.path }],
  reach: (input) => reachPast(input.path),
  run: async (call, input) => {
    const view = await viewToRead(call, input);
    const { file_id } = await getFile(call, view, input.path);
    const before = input.before_version ?? Number.MAX_SAFE_INTEGER;
    const limit = Math.min(input.limit, call.limits.LIST_ENTRIES);
    const rows = await listVersionStates(call.tx, view, { file_id, before, limit });
    return rows.map((row) =>
      versionObject.parse({
        version: row.version,
        etag: row.etag,
        content_hash: row.etag,
        size: row.size,
        mime_type: row.content_type,
        encoding: row.encoding,
        created_at: isoTime(row.modified_at),
        created_by: row.modified_by,
        change_reason: row.reason,
        revision: row.began,
        path: call.shown(row.path),
      }),
    );
  },
};

const getInput = readInput.required({ version: true });

export const getVersion: Operation<ReadInput, ReadOutput> = {
  ...read,
  name: 'version.get',
  summary: "Read one version of a file's content, whole or a range of bytes.",
  input: getInput,
  rpc: { name: 'get_version', present: read.rpc?.present },
  cli: { words: 'file version', args: ['path', 'version'] },
};

const rollbackInput = z.object({
  path,
  version: z.int().min(1).describe('version to bring back'),
  if_match: etagParam.optional(),
  ...branchParam,
});
const rollbackOutput = writeResult.extend({ rolled_back_to: z.number() });

export const rollback: Operation<z.infer<typeof rollbackInput>, z.infer<typeof rollbackOutput>> = {
  name: 'version.rollback',
  summary: "Make a new version with an old one's content and metadata.",
  effect: 'write',
  who: { role: 'operator' },
  input: rollbackInput,
  output: rollbackOutput,
  faults: [
    'ACCESS_DENIED',
    'FILE_NOT_FOUND',
    'IS_A_DIRECTORY',
    'NOT_A_DIRECTORY',
    'ETAG_MISMATCH',
    'VERSION_NOT_FOUND',
    'QUOTA_EXCEEDED',
  ],
  rpc: { name: 'rollback' },
  cli: { words: 'file rollback', args: ['path', 'version'] },
  mapPaths: (input, map) => ({ ...input, path: map(input.path) }),
  needs: (input) => [{ permission: 'write', path: input.path }],
  reach: (input) => reachPast(input.path),
  object: (input) => input.path,
  run: async (call, input) => {
    const view = await viewOf(call, input);
    const spot = await lookUpFile(call, view, input.path);
    const old = await getVersionOf(call, view, { file: spot.state, version: input.version });
    checkPrecondition(call, spot, input);
    if (old.etag === null) throw new Error(`version ${input.version} of ${input.path} has no content`);
    const written = await writeFile(call, view, {
      spot,
      content: {
        sha256: old.etag,
        size: old.size,
        blob: null,
        encoding: old.encoding as Representation,
        content_type: old.content_type,
        metadata: old.metadata,
        reason: 'rollback',
        told: { rolled_back_to: input.version },
      },
    });
    return { ...toWriteResult(written, call.shown(input.path)), rolled_back_to: input.version };
  },
};
