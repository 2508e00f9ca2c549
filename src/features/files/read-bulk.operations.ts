/**
 * read_bulk, exists_batch and stat_bulk (files.md §7). Guarantees: what the caller may not read is answered like what is
 * missing; the number of statements does not depend on the number of paths.
 */
import { z } from 'zod';
import { atIndex } from '../../base/at-index.ts';
import type { Call, Operation } from '../../core/operation.ts';
import { mapEach } from './batch.ts';
import { type FileObject, fileObject, toFileObject } from './file-object.ts';
import { listContents } from './files.sql.ts';
import { readableIn } from './history/past-access.ts';
import { pathsParam, viewParams, within } from './params.ts';
import { presentContent } from './present.ts';
import { reachEach } from './reach.ts';
import { readRow } from './read.operations.ts';
import { type ReadOutput, readInput, readOutput } from './read-shapes.ts';
import { lookUpAll, type Seen } from './tree.ts';
import type { View } from './view.ts';
import { viewOf } from './view-of.ts';

const pathsInput = z.object({ paths: pathsParam, ...viewParams });
type PathsInput = z.infer<typeof pathsInput>;
const bulkInput = pathsInput.extend({ encoding: readInput.shape.encoding });
type BulkInput = z.infer<typeof bulkInput>;

type Bulk<V> = Record<string, V>;

const BULK = {
  effect: 'read',
  who: { role: 'viewer' },
  heavy: true,
  faults: ['INVALID_PATH', 'LIMIT_EXCEEDED'],
} as const;

const mapPaths = <I extends PathsInput>(input: I, map: (path: string) => string): I => ({
  ...input,
  paths: mapEach(input.paths, map),
});

const prepare = async <I extends PathsInput>(input: I, { limits }: Pick<Call, 'limits'>): Promise<I> => {
  within('BATCH_ITEMS', limits, { actual: input.paths.length, what: 'paths' });
  return input;
};

/** Each path once, those that may be read in a list of their own. */
async function readablePaths(
  call: Call,
  view: View,
  paths: readonly string[],
): Promise<{ all: string[]; readable: string[] }> {
  const set = await readableIn(call, view);
  const all = [...new Set(paths)];
  return { all, readable: all.filter((one) => set.has(one)) };
}

export const readBulk: Operation<BulkInput, Bulk<ReadOutput | null>> = {
  ...BULK,
  name: 'file.read-bulk',
  tool: 'read_files',
  summary: 'Read many files; null for what is missing, a directory or not permitted.',
  input: bulkInput,
  output: z.record(z.string(), readOutput.nullable()),
  rpc: {
    name: 'read_bulk',
    present: (output, input) => {
      const { encoding, paths } = input as BulkInput;
      // Each path stands there once, where it was named first.
      const places = [...new Set(paths)].map((path) => paths.indexOf(path));
      const present = (one: ReadOutput | null, n: number): unknown =>
        one && atIndex(places[n] ?? n, () => presentContent(one, encoding));
      return Object.fromEntries(Object.entries(output).map(([shown, one], n) => [shown, present(one, n)]));
    },
  },
  cli: { words: 'file read-bulk', args: ['paths…'] },
  examples: [{ title: 'a missing file', input: { paths: ['/none'] } }],
  mapPaths,
  prepare,
  reach: (input) => reachEach(input.paths, input),
  run: async (call, input) => {
    const view = await viewOf(call, input);
    const { all, readable } = await readablePaths(call, view, input.paths);
    const rows = await listContents(call.tx, view, readable);
    const files = new Map(rows.filter(({ kind }) => kind === 'f').map((row) => [row.path, row]));
    const bytes = [...files.values()].reduce((sum, { size }) => sum + size, 0);
    within('BATCH_READ_BYTES', call.limits, { actual: bytes, what: 'content of the files' });
    return byPath(call, all, (one) => {
      const row = files.get(one);
      return row ? readRow(call, row, {}) : null;
    });
  },
};

const byPath = <V>(call: Call, paths: readonly string[], value: (path: string) => V): Bulk<V> =>
  Object.fromEntries(paths.map((one) => [call.shown(one), value(one)]));

/** What the view has at the paths that may be read. */
async function lookUpReadable(call: Call, input: PathsInput): Promise<{ all: string[]; rows: Seen['rows'] }> {
  const view = await viewOf(call, input);
  const { all, readable } = await readablePaths(call, view, input.paths);
  const { rows } = await lookUpAll(call, view, readable);
  const permitted = new Set(readable);
  return { all, rows: new Map([...rows].filter(([one, { kind }]) => permitted.has(one) && kind !== 'x')) };
}

export const existsBatch: Operation<PathsInput, Bulk<boolean>> = {
  ...BULK,
  name: 'file.exists-batch',
  tool: 'files_exist',
  summary: 'Which of many paths exist? False for those not permitted.',
  input: pathsInput,
  output: z.record(z.string(), z.boolean()),
  rpc: { name: 'exists_batch' },
  cli: { words: 'file exists-batch', args: ['paths…'] },
  examples: [{ title: 'the root, and a missing path', input: { paths: ['/', '/none'] } }],
  mapPaths,
  prepare,
  reach: (input) => reachEach(input.paths, input),
  run: async (call, input) => {
    const { all, rows } = await lookUpReadable(call, input);
    return byPath(call, all, (one) => rows.has(one));
  },
};

export const statBulk: Operation<PathsInput, Bulk<FileObject | null>> = {
  ...BULK,
  name: 'file.stat-bulk',
  tool: 'stat_files',
  summary: 'File objects of many paths; null for what is missing or not permitted.',
  input: pathsInput,
  output: z.record(z.string(), fileObject.nullable()),
  rpc: { name: 'stat_bulk', aliases: ['metadata_batch'] },
  cli: { words: 'file stat-bulk', args: ['paths…'] },
  examples: [{ title: 'the root, and a missing path', input: { paths: ['/', '/none'] } }],
  mapPaths,
  prepare,
  reach: (input) => reachEach(input.paths, input),
  run: async (call, input) => {
    const { all, rows } = await lookUpReadable(call, input);
    return byPath(call, all, (one) => {
      const row = rows.get(one);
      return row ? toFileObject(row, call.shown(one)) : null;
    });
  },
};
