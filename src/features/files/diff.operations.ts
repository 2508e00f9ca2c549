/** diff_versions (files.md §7): a unified diff of two versions of a file, or of their own metadata. */
import { z } from 'zod';
import type { Operation, Preparation } from '../../core/operation.ts';
import { collect } from '../content/content.ts';
import { metadataOf } from './file-object.ts';
import { type Head, headShape, headSource } from './head.operations.ts';
import { viewToRead } from './history/past-access.ts';
import { path, viewParams } from './params.ts';
import { reachPast } from './reach.ts';
import { diffTask, turnOf } from './tasks.ts';
import { isQuickDiff, type TextDiff, unifiedDiff } from './text-diff.ts';
import { getFile } from './tree.ts';
import { getVersionOf } from './versions.ts';

const diffInput = z.object({
  path,
  v1: z.int().min(1).describe('version to compare from'),
  v2: z.int().min(1).describe('version to compare to'),
  mode: z.enum(['content', 'metadata']).default('content').describe('what is compared; content unless given'),
  context_lines: z.int().min(0).default(3).describe('unchanged lines around a change'),
  ...viewParams,
});
type DiffInput = z.infer<typeof diffInput>;

const side = z.object({ version: z.number(), etag: z.string(), size: z.number() });
const diffOutput = z.object({
  identical: z.boolean(),
  binary: z.boolean().describe('not text, or too large to be compared'),
  diff: z.string(),
  additions: z.number(),
  deletions: z.number(),
  from: side,
  to: side,
});

const pairInput = diffInput.pick({ path: true, v1: true, v2: true, branch: true, as_of: true });
/** A version's content, with its metadata as lines of JSON. */
const described = headShape.extend({ metadata: z.string() });

export const findPair: Operation<z.infer<typeof pairInput>, z.infer<typeof described>[]> = {
  name: 'version.pair',
  summary: 'Two versions that are going to be compared.',
  effect: 'read',
  who: { role: 'viewer' },
  internal: true,
  input: pairInput,
  output: z.array(described),
  faults: ['ACCESS_DENIED', 'FILE_NOT_FOUND', 'IS_A_DIRECTORY', 'NOT_A_DIRECTORY', 'VERSION_NOT_FOUND'],
  needs: (input) => [{ permission: 'read', path: input.path }],
  reach: (input) => reachPast(input.path),
  run: async (call, input) => {
    const view = await viewToRead(call, input);
    const file = await getFile(call, view, input.path);
    const pair: z.infer<typeof described>[] = [];
    for (const version of [input.v1, input.v2]) {
      const row = await getVersionOf(call, view, { file, version });
      const metadata = `${JSON.stringify(sorted(metadataOf(row)), null, 2)}\n`;
      pair.push({ ...row, etag: row.etag ?? '', utf8: row.utf8 === 1, metadata });
    }
    return pair;
  },
};

/** Equal values have equal texts: keys in order, at any depth. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}

interface ReadyDiff {
  readonly path: string;
  readonly sides: readonly [z.infer<typeof side>, z.infer<typeof side>];
  readonly identical: boolean;
  /** Not text, or too large to be compared. */
  readonly binary: boolean;
  readonly diff: TextDiff;
}

export const diffVersions: Operation<DiffInput, z.infer<typeof diffOutput>, ReadyDiff> = {
  name: 'version.diff',
  summary: 'Compare two versions of a file, or their own metadata.',
  effect: 'read',
  who: { role: 'viewer' },
  input: diffInput,
  output: diffOutput,
  faults: ['ACCESS_DENIED', 'FILE_NOT_FOUND', 'IS_A_DIRECTORY', 'NOT_A_DIRECTORY', 'VERSION_NOT_FOUND'],
  rpc: { name: 'diff_versions' },
  cli: { words: 'file diff', args: ['path', 'v1', 'v2'] },
  mapPaths: (input, map) => ({ ...input, path: map(input.path) }),
  prepare: async (input, preparation) => {
    const { mode, context_lines, ...asked } = input;
    const [from, to] = await preparation.run(findPair, asked);
    if (!from || !to) throw new Error('a comparison takes two versions');
    const common = { path: input.path, sides: [side.parse(from), side.parse(to)] as const };
    const compare = (...texts: readonly [Uint8Array | string, Uint8Array | string]) =>
      compared(texts, { path: input.path, context_lines }, preparation);
    if (mode === 'metadata') {
      return {
        ...common,
        identical: from.metadata === to.metadata,
        binary: false,
        diff: await compare(from.metadata, to.metadata),
      };
    }
    const comparable = [from, to].every(({ utf8, size }) => utf8 && size <= preparation.limits.EDIT_BYTES);
    const identical = from.etag === to.etag;
    if (!comparable || identical) return { ...common, identical, binary: !comparable, diff: NO_DIFF };
    const read = (head: Head): Promise<Uint8Array> => collect(headSource(head, preparation.blobs));
    return { ...common, identical, binary: false, diff: await compare(await read(from), await read(to)) };
  },
  needs: (ready) => [{ permission: 'read', path: ready.path }],
  reach: (ready) => reachPast(ready.path),
  run: async (_call, { sides: [from, to], identical, binary, diff }) => ({ identical, binary, ...diff, from, to }),
};

const NO_DIFF: TextDiff = { diff: '', additions: 0, deletions: 0 };

/** Here, where it is there soon. */
async function compared(
  [before, after]: readonly [Uint8Array | string, Uint8Array | string],
  { path, context_lines }: Pick<DiffInput, 'path' | 'context_lines'>,
  { context, computing }: Preparation,
): Promise<TextDiff> {
  const shown = context.path_prefix + path;
  const texts = { from: textOf(before), to: textOf(after) };
  const input = { ...texts, fromName: `a${shown}`, toName: `b${shown}`, contextLines: context_lines };
  return isQuickDiff(texts) ? unifiedDiff(input) : computing.run(diffTask, { ...input, by: turnOf(context.caller) });
}

const textOf = (content: Uint8Array | string): string =>
  typeof content === 'string' ? content : Buffer.from(content).toString('utf8');
