/** read, exists, is_directory and get_metadata (files.md §7). Content is answered by reference; the door reads the bytes. */
import { z } from 'zod';
import { limitExceeded } from '../../base/limits.ts';
import type { Call, Operation } from '../../core/operation.ts';
import { type FileObject, fileObject, metadataOf, toFileObject } from './file-object.ts';
import { type ContentRow, findContent, findState } from './files.sql.ts';
import { viewToRead } from './history/past-access.ts';
import { path, viewParams } from './params.ts';
import { presentRead, presentReadTool } from './present.ts';
import { reachOne } from './reach.ts';
import { type ReadInput, type ReadOutput, readInput, readOutput } from './read-shapes.ts';
import { fileNotFound, getFile, getState, isADirectory, lookUp } from './tree.ts';
import { getVersionOf } from './versions.ts';

const onePath = z.object({ path, ...viewParams });
type OnePath = z.infer<typeof onePath>;

/**
 * A file's content, or that of one of its versions, with what is known of it. Missing file: FILE_NOT_FOUND; a path
 * through a file: NOT_A_DIRECTORY.
 */
export async function getContent(call: Call, input: OnePath & { readonly version?: number }): Promise<ContentRow> {
  const view = await viewToRead(call, input);
  if (input.version !== undefined) {
    return getVersionOf(call, view, { file: await getFile(call, view, input.path), version: input.version });
  }
  const row = await findContent(call.tx, view, input.path);
  if (row?.kind === 'd' || input.path === '/') throw isADirectory(call, input.path);
  if (row) return row;
  await lookUp(call, view, input.path);
  throw fileNotFound(call, input.path);
}

/** The part of a content row that was asked for. */
export function readRow(call: Call, row: ContentRow, input: Pick<ReadInput, 'offset' | 'count'>): ReadOutput {
  const start = Math.min(input.offset ?? 0, row.size);
  const end = Math.min(row.size, input.count === undefined ? row.size : start + input.count);
  const content = { sha256: row.etag ?? '', size: row.size, inline: row.inline };
  return { path: call.shown(row.path), row, content, metadata: metadataOf(row), start, end };
}

/** Refuses what would be too much for one JSON answer. */
export function checkReadSize(call: Call, output: ReadOutput): void {
  const maximum = call.limits.JSON_READ_BYTES;
  const actual = output.end - output.start;
  if (actual <= maximum) return;
  const url = `/api/v2/files${output.path.split('/').map(encodeURIComponent).join('/')}`;
  const what = `${output.path}: read it with GET ${url}`;
  throw limitExceeded('JSON_READ_BYTES', maximum, { actual, what });
}

export const read: Operation<ReadInput, ReadOutput> = {
  name: 'file.read',
  summary: "Read a file's content, whole or a range of bytes.",
  effect: 'read',
  who: { role: 'viewer' },
  input: readInput,
  output: readOutput,
  faults: [
    'ACCESS_DENIED',
    'FILE_NOT_FOUND',
    'IS_A_DIRECTORY',
    'NOT_A_DIRECTORY',
    'VERSION_NOT_FOUND',
    'NOT_TEXT',
    'LIMIT_EXCEEDED',
  ],
  rpc: { name: 'read', aliases: ['read_file'], present: presentRead },
  tool: { present: presentReadTool },
  cli: { words: 'file read', args: ['path'] },
  mapPaths: (input, map) => ({ ...input, path: map(input.path) }),
  needs: (input) => [{ permission: 'read', path: input.path }],
  reach: (input) => reachOne(input.path, input),
  run: async (call, input) => {
    const output = readRow(call, await getContent(call, input), input);
    checkReadSize(call, output);
    return output;
  },
};

/** For GET and HEAD: the same without the limit of JSON. */
export const open: Operation<ReadInput, ReadOutput> = {
  ...read,
  name: 'file.open',
  summary: "Open a file's content for streaming.",
  rpc: undefined,
  cli: { words: 'file get', args: ['path'] },
  run: async (call, input) => readRow(call, await getContent(call, input), input),
};

export const exists: Operation<OnePath, { exists: boolean }> = {
  name: 'file.exists',
  tool: 'file_exists',
  summary: 'Is there a file or directory at the path?',
  effect: 'read',
  who: { role: 'viewer' },
  input: onePath,
  output: z.object({ exists: z.boolean() }),
  faults: ['ACCESS_DENIED'],
  rpc: { name: 'exists' },
  cli: { words: 'file exists', args: ['path'] },
  examples: [{ title: 'the root', input: { path: '/' } }],
  mapPaths: (input, map) => ({ ...input, path: map(input.path) }),
  needs: (input) => [{ permission: 'read', path: input.path }],
  reach: (input) => reachOne(input.path, input),
  run: async (call, input) => {
    const view = await viewToRead(call, input);
    return { exists: input.path === '/' || (await findState(call.tx, view, input.path)) !== undefined };
  },
};

export const isDirectory: Operation<OnePath, { is_directory: boolean }> = {
  name: 'file.is-directory',
  tool: 'is_directory',
  summary: 'Is there a directory at the path? A missing path is none.',
  effect: 'read',
  who: { role: 'viewer' },
  input: onePath,
  output: z.object({ is_directory: z.boolean() }),
  faults: ['ACCESS_DENIED'],
  rpc: { name: 'is_directory' },
  cli: { words: 'file is-directory', args: ['path'] },
  examples: [{ title: 'the root', input: { path: '/' } }],
  mapPaths: (input, map) => ({ ...input, path: map(input.path) }),
  needs: (input) => [{ permission: 'read', path: input.path }],
  reach: (input) => reachOne(input.path, input),
  run: async (call, input) => {
    const view = await viewToRead(call, input);
    return { is_directory: input.path === '/' || (await findState(call.tx, view, input.path))?.kind === 'd' };
  },
};

export const getMetadata: Operation<OnePath, FileObject> = {
  name: 'file.stat',
  summary: 'What is known of a file or directory: the file object.',
  effect: 'read',
  who: { role: 'viewer' },
  input: onePath,
  output: fileObject,
  faults: ['ACCESS_DENIED', 'FILE_NOT_FOUND', 'NOT_A_DIRECTORY'],
  rpc: { name: 'get_metadata', aliases: ['stat'] },
  cli: { words: 'file stat', args: ['path'] },
  mapPaths: (input, map) => ({ ...input, path: map(input.path) }),
  needs: (input) => [{ permission: 'read', path: input.path }],
  reach: (input) => reachOne(input.path, input),
  run: async (call, input) => {
    const view = await viewToRead(call, input);
    return toFileObject(await getState(call, view, input.path), call.shown(input.path));
  },
};
