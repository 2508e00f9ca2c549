/** delete, mkdir and rmdir (files.md §7). */
import { z } from 'zod';
import { refuseRoot } from '../../base/paths.ts';
import type { Operation } from '../../core/operation.ts';
import { beginDirectory, makeParents, onBranch } from './changes.ts';
import { branchParam, path, preconditionParams } from './params.ts';
import { reachInto, reachOne, reachRemoved, reachRemovedTree } from './reach.ts';
import { removeDirectory, removeFile } from './removals.ts';
import { alreadyExists, checkPrecondition, getDirectory, getFile, lookUp, pathFault } from './tree.ts';
import { viewOf } from './view-of.ts';

const deleteInput = z.object({ path, ...preconditionParams, ...branchParam });
const deleteOutput = z.object({ deleted: z.literal(true), path: z.string(), revision: z.number() });

export const deleteFile: Operation<z.infer<typeof deleteInput>, z.infer<typeof deleteOutput>> = {
  name: 'file.delete',
  summary: 'Delete a file; its history stays readable by version and revision.',
  effect: 'destroy',
  who: { role: 'operator' },
  input: deleteInput,
  output: deleteOutput,
  faults: ['ACCESS_DENIED', 'FILE_NOT_FOUND', 'IS_A_DIRECTORY', 'ETAG_MISMATCH'],
  rpc: { name: 'delete', aliases: ['delete_file'] },
  cli: { words: 'file delete', args: ['path'] },
  mapPaths: (input, map) => ({ ...input, path: refuseRoot(map(input.path)) }),
  needs: (input) => [{ permission: 'write', path: input.path }],
  reach: (input) =>
    reachRemoved([input.path], {
      ...input,
      conditions: [input.if_match, input.if_none_match, input.if_unmodified_since],
    }),
  object: (input) => input.path,
  run: async (call, input) => {
    const view = await viewOf(call, input);
    const state = await getFile(call, view, input.path);
    checkPrecondition(call, { path: input.path, state }, input);
    const revision = await removeFile(call, view, state);
    return { deleted: true, path: call.shown(input.path), revision };
  },
};

const mkdirInput = z.object({
  path,
  parents: z.boolean().default(false).describe('make missing parents too'),
  exist_ok: z.boolean().default(false).describe('an existing directory is no fault'),
  ...branchParam,
});
const mkdirOutput = z.object({ created: z.boolean(), path: z.string(), revision: z.number() });

export const mkdir: Operation<z.infer<typeof mkdirInput>, z.infer<typeof mkdirOutput>> = {
  name: 'file.mkdir',
  tool: 'make_folder',
  summary: 'Make a directory.',
  effect: 'write',
  who: { role: 'operator' },
  input: mkdirInput,
  output: mkdirOutput,
  faults: ['ACCESS_DENIED', 'PARENT_NOT_FOUND', 'ALREADY_EXISTS', 'NOT_A_DIRECTORY'],
  rpc: { name: 'mkdir' },
  cli: { words: 'file mkdir', args: ['path'] },
  examples: [{ title: 'with parents', input: { path: '/a/b', parents: true } }],
  mapPaths: (input, map) => ({ ...input, path: map(input.path) }),
  needs: (input) => [{ permission: 'write', path: input.path }],
  reach: (input) => reachOne(input.path, input),
  object: (input) => input.path,
  run: async (call, input) => {
    const shown = call.shown(input.path);
    const lenient = input.parents || input.exist_ok;
    const view = await viewOf(call, input);
    const spot = await lookUp(call, view, input.path);
    if (spot.state) {
      if (spot.state.kind === 'f' || !lenient) throw alreadyExists(call, input.path);
      return { created: false, path: shown, revision: spot.state.began };
    }
    const parent = spot.missing.at(-1);
    if (parent !== undefined && !input.parents) {
      const message = `Parent directory not found: ${call.shown(parent)}; make it first, or set parents`;
      throw pathFault('PARENT_NOT_FOUND', message, { path: call.shown(parent) });
    }
    const revision = call.event({ type: 'mkdir', path: input.path, ...onBranch(view) });
    await makeParents(call, view, { spot, revision });
    await beginDirectory(call, view, { path: input.path, revision, ordinal: 0, occupied: spot.occupied });
    return { created: true, path: shown, revision };
  },
};

const rmdirInput = z.object({
  path,
  recursive: z.boolean().default(false).describe('with all that is below'),
  ...branchParam,
});
const rmdirOutput = z.object({
  removed: z.literal(true),
  path: z.string(),
  files: z.number(),
  directories: z.number(),
  revision: z.number(),
});

export const rmdir: Operation<z.infer<typeof rmdirInput>, z.infer<typeof rmdirOutput>> = {
  name: 'file.rmdir',
  tool: 'remove_folder',
  summary: 'Remove a directory; with recursive, all that is below it in one step.',
  effect: 'destroy',
  who: { role: 'operator' },
  input: rmdirInput,
  output: rmdirOutput,
  faults: ['ACCESS_DENIED', 'FILE_NOT_FOUND', 'NOT_A_DIRECTORY', 'DIRECTORY_NOT_EMPTY'],
  rpc: { name: 'rmdir' },
  cli: { words: 'file rmdir', args: ['path'] },
  mapPaths: (input, map) => ({ ...input, path: refuseRoot(map(input.path)) }),
  needs: (input) => [{ permission: 'write', path: input.path }],
  reach: (input) =>
    input.recursive
      ? reachRemovedTree(input.path, input)
      : reachInto(input.path, input, { depth: 'entries', content: false }),
  object: (input) => input.path,
  run: async (call, input) => {
    const view = await viewOf(call, input);
    const state = await getDirectory(call, view, input.path);
    const removed = await removeDirectory(call, view, { state, recursive: input.recursive });
    return { removed: true, path: call.shown(input.path), ...removed };
  },
};
