/** delete_bulk and rename_bulk (files.md §7): each item by itself, with its own event or its own error. */
import { z } from 'zod';
import { atIndex } from '../../base/at-index.ts';
import { FAULTS, type FaultCode, invalidParams } from '../../base/faults.ts';
import { ancestorsOf, refuseRoot } from '../../base/paths.ts';
import type { PathSet } from '../../core/call/access.ts';
import type { Call, Operation } from '../../core/operation.ts';
import { denied } from '../access/grants.ts';
import { pathSet } from '../access/path-set.ts';
import { attemptItem, mapEach } from './batch.ts';
import { moveEntry, refuseInto } from './moves.ts';
import { branchParam, path, pathsParam, within } from './params.ts';
import { reachMoves, reachRemoved, reachRemovedTree } from './reach.ts';
import { removeDirectory, removeFile } from './removals.ts';
import { fileNotFound, isADirectory, lookUpAll, type Seen, spotOf } from './tree.ts';
import { isLiveMain } from './view.ts';
import { viewOf } from './view-of.ts';

const itemError = z.object({
  code: z.custom<FaultCode>((code) => typeof code === 'string' && Object.hasOwn(FAULTS, code)),
  message: z.string(),
});

const deleteInput = z.object({
  paths: pathsParam,
  recursive: z.boolean().default(false).describe('directories too, with all that is below'),
  ...branchParam,
});
const deleteOutput = z.record(z.string(), z.object({ success: z.boolean(), error: itemError.optional() }));

export const deleteBulk: Operation<z.infer<typeof deleteInput>, z.infer<typeof deleteOutput>> = {
  name: 'file.delete-bulk',
  tool: 'delete_files',
  summary: 'Delete many files, with recursive directories too; each by itself.',
  effect: 'destroy',
  who: { role: 'operator' },
  input: deleteInput,
  output: deleteOutput,
  faults: ['INVALID_PATH', 'LIMIT_EXCEEDED'],
  rpc: { name: 'delete_bulk' },
  cli: { words: 'file delete-bulk', args: ['paths…'] },
  examples: [{ title: 'a missing file', input: { paths: ['/none'] } }],
  mapPaths: (input, map) => ({ ...input, paths: mapEach(input.paths, map) }),
  prepare: async (input, { limits }) => {
    within('BATCH_ITEMS', limits, { actual: input.paths.length, what: 'paths' });
    return input;
  },
  reach: (input) =>
    input.recursive
      ? input.paths.flatMap((path) => reachRemovedTree(path, input))
      : reachRemoved(input.paths, { ...input, conditions: [] }),
  object: (input) => input.paths[0] ?? '',
  run: async (call, input) => {
    call.audit({ paths: input.paths.length });
    const view = await viewOf(call, input);
    const writable = await call.access.writable();
    const paths = [...new Set(input.paths)];
    const seen = await lookUpAll(
      call,
      view,
      paths.filter((one) => writable.has(one)),
    );
    const gone = new Set<string>();
    const outcomes: z.infer<typeof deleteOutput> = {};
    for (const one of paths) {
      const error = await attemptItem(call, async () => {
        refuseRoot(one);
        requireWrite(call, writable, one);
        await deleteOne(call, { seen, gone, recursive: input.recursive }, one);
      });
      if (!error) gone.add(one);
      outcomes[call.shown(one)] = error ? { success: false, error } : { success: true };
    }
    return outcomes;
  },
};

interface Deletion {
  readonly seen: Seen;
  /** What this call removed already. */
  readonly gone: ReadonlySet<string>;
  readonly recursive: boolean;
}

async function deleteOne(call: Call, { seen, gone, recursive }: Deletion, one: string): Promise<void> {
  if (ancestorsOf(one).some((above) => gone.has(above))) throw fileNotFound(call, one);
  const { state } = spotOf(call, seen, one);
  if (!state) throw fileNotFound(call, one);
  if (state.kind === 'f') await removeFile(call, seen.view, state);
  else if (recursive) await removeDirectory(call, seen.view, { state, recursive });
  else throw isADirectory(call, one);
}

function requireWrite(call: Call, writable: PathSet, one: string): void {
  if (!writable.has(one)) throw denied({ permission: 'write', path: one }, call.context);
  call.refuseReadOnly(one);
}

const renameInput = z.object({
  renames: z.array(z.tuple([path, path])).describe('[old, new], in order'),
  ...branchParam,
});
const renameOutput = z.record(
  z.string(),
  z.object({ success: z.boolean(), new_path: z.string(), error: itemError.optional() }),
);

export const renameBulk: Operation<z.infer<typeof renameInput>, z.infer<typeof renameOutput>> = {
  name: 'file.rename-bulk',
  tool: 'move_files',
  summary: 'Rename many files and directories, in order, each by itself.',
  effect: 'write',
  who: { role: 'operator' },
  input: renameInput,
  output: renameOutput,
  faults: ['INVALID_PATH', 'LIMIT_EXCEEDED'],
  rpc: { name: 'rename_bulk' },
  cli: { words: 'file rename-bulk', args: ['renames…'] },
  examples: [{ title: 'a missing file', input: { renames: [['/none', '/some']] } }],
  mapPaths: (input, map) => ({
    ...input,
    renames: input.renames.map(([from, to], index) => atIndex(index, () => [map(from), map(to)] as [string, string])),
  }),
  prepare: async (input, { limits }) => {
    within('BATCH_ITEMS', limits, { actual: input.renames.length, what: 'renames' });
    const known = new Set<string>();
    for (const [index, [from]] of input.renames.entries()) {
      // The answer has one place for each.
      if (known.has(from)) throw invalidParams({ path: `renames.${index}.0`, message: `${from} is renamed twice` });
      known.add(from);
    }
    return input;
  },
  reach: (input) => reachMoves(input.renames, input),
  object: (input) => input.renames[0]?.[0] ?? '',
  run: async (call, input) => {
    call.audit({ renames: input.renames.length });
    const view = await viewOf(call, input);
    let writable = await call.access.writable();
    const outcomes: z.infer<typeof renameOutput> = {};
    for (const [from, to] of input.renames) {
      const error = await attemptItem(call, async () => {
        refuseInto(refuseRoot(from), refuseRoot(to), call.shown(to));
        requireWrite(call, writable, from);
        requireWrite(call, writable, to);
        await moveEntry(call, view, { from, to, overwrite: false });
      });
      if (!error && isLiveMain(view)) writable = withoutRoot(writable, from, to);
      const new_path = call.shown(to);
      outcomes[call.shown(from)] = error ? { success: false, new_path, error } : { success: true, new_path };
    }
    return outcomes;
  },
};

/** A grant on exactly what was renamed went with it, to a place that may be written anyway. */
const withoutRoot = (writable: PathSet, from: string, to: string): PathSet =>
  from !== to && !writable.everything && writable.roots.includes(from)
    ? pathSet(writable.roots.filter((root) => root !== from))
    : writable;
