/** delete, mkdir and rmdir (files.md §7). */
import { z } from 'zod';
import { Fault } from '../../base/faults.ts';
import { refuseRoot } from '../../base/paths.ts';
import type { Operation } from '../../core/operation.ts';
import { endTuples } from '../access/tuples.sql.ts';
import { countBelow, hasChildren, removeSubtree } from './files.sql.ts';
import { branchParam, etagParam, path } from './params.ts';
import {
  alreadyExists,
  beginDirectory,
  checkPrecondition,
  fileNotFound,
  getFile,
  lookUp,
  makeParents,
  notADirectory,
  pathFault,
  removeOne,
} from './tree.ts';
import { ownTotals } from './usage.sql.ts';
import { MAIN } from './view.ts';
import { viewOf } from './view-of.ts';

const deleteInput = z.object({ path, if_match: etagParam.optional(), ...branchParam });
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
  mapPaths: (input, map) => ({ ...input, path: map(input.path) }),
  needs: (input) => [{ permission: 'write', path: input.path }],
  object: (input) => input.path,
  run: async (call, input) => {
    refuseRoot(input.path);
    const view = await viewOf(call, input);
    const state = await getFile(call, view, input.path);
    checkPrecondition(call, { path: input.path, state }, input);
    const { branch } = view.layers[0];
    if (state.branch === branch) {
      call.use('storage_bytes', -state.size);
      call.use('files', -1);
    }
    const revision = call.event({ type: 'delete', path: input.path, ...(branch === MAIN ? {} : { branch }) });
    await removeOne(call, view, { state, revision });
    if (branch === MAIN) await endTuples(call, input.path, { below: false });
    return { deleted: true, path: call.shown(input.path), revision };
  },
};

const mkdirInput = z.object({
  path,
  parents: z.boolean().default(false),
  exist_ok: z.boolean().default(false),
  ...branchParam,
});
const mkdirOutput = z.object({ created: z.boolean(), path: z.string(), revision: z.number() });

export const mkdir: Operation<z.infer<typeof mkdirInput>, z.infer<typeof mkdirOutput>> = {
  name: 'file.mkdir',
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
  object: (input) => input.path,
  run: async (call, input) => {
    const shown = call.shown(input.path);
    const lenient = input.parents || input.exist_ok;
    if (input.path === '/') {
      if (!lenient) throw alreadyExists(call, '/');
      return { created: false, path: shown, revision: call.zone.seq };
    }
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
    const { branch } = view.layers[0];
    const revision = call.event({ type: 'mkdir', path: input.path, ...(branch === MAIN ? {} : { branch }) });
    await makeParents(call, view, { spot, revision });
    await beginDirectory(call, view, { path: input.path, revision, ordinal: 0, occupied: spot.occupied });
    return { created: true, path: shown, revision };
  },
};

const rmdirInput = z.object({ path, recursive: z.boolean().default(false), ...branchParam });
const rmdirOutput = z.object({
  removed: z.literal(true),
  path: z.string(),
  files: z.number(),
  directories: z.number(),
  revision: z.number(),
});

export const rmdir: Operation<z.infer<typeof rmdirInput>, z.infer<typeof rmdirOutput>> = {
  name: 'file.rmdir',
  summary: 'Remove a directory; with recursive, all that is below it in one step.',
  effect: 'destroy',
  who: { role: 'operator' },
  input: rmdirInput,
  output: rmdirOutput,
  faults: ['ACCESS_DENIED', 'FILE_NOT_FOUND', 'NOT_A_DIRECTORY', 'DIRECTORY_NOT_EMPTY'],
  rpc: { name: 'rmdir' },
  cli: { words: 'file rmdir', args: ['path'] },
  mapPaths: (input, map) => ({ ...input, path: map(input.path) }),
  needs: (input) => [{ permission: 'write', path: input.path }],
  object: (input) => input.path,
  run: async (call, input) => {
    refuseRoot(input.path);
    const view = await viewOf(call, input);
    const { state } = await lookUp(call, view, input.path);
    if (!state) throw fileNotFound(call, input.path);
    if (state.kind === 'f') throw notADirectory(call, input.path);
    const shown = call.shown(input.path);
    if (!input.recursive && (await hasChildren(call.tx, view, input.path))) {
      throw new Fault('DIRECTORY_NOT_EMPTY', `${shown} is not empty; set recursive to remove what is in it`, {
        path: shown,
      });
    }
    // A right on a folder reaches everything below it, so write on the folder, asked already, is write on all.
    const totals = await countBelow(call.tx, view, input.path);
    const own = await ownTotals(call.tx, view, input.path);
    call.use('storage_bytes', -own.bytes);
    call.use('files', -own.files);
    const { branch } = view.layers[0];
    const revision = call.event({
      type: 'rmdir',
      path: input.path,
      ...(branch === MAIN ? {} : { branch }),
      ...(input.recursive ? { data: { subtree: true, files: totals.files } } : {}),
    });
    await removeSubtree(call.tx, view, { path: input.path, revision });
    if (branch === MAIN) await endTuples(call, input.path, { below: true });
    return { removed: true, path: shown, files: totals.files, directories: totals.directories + 1, revision };
  },
};
