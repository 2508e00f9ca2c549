/**
 * Files of a zone as sources of a batch. Guarantees: what is read is what whoever submitted it may read at that moment, as the
 * file was at the revision at which the batch began; what may not be read is as what is not there.
 */
import { z } from 'zod';
import { Fault } from '../../../base/faults.ts';
import { isBelow } from '../../../base/paths.ts';
import type { Call, Operation, StoredBytes } from '../../../core/operation.ts';
import { findContent } from '../../files/files.sql.ts';
import { readableIn, viewToRead } from '../../files/history/past-access.ts';
import { reachInto, reachOne } from '../../files/reach.ts';
import { behind, scanPaths } from '../../files/search/scan.sql.ts';
import { scopeOf } from '../../files/search/search-page.ts';
import { viewOf } from '../../files/view-of.ts';

const READING = { who: { role: 'operator' }, internal: true, effect: 'read', faults: [] } as const;

const moment = { as_of: z.number() };

/** Stores keep no past: what is mounted is read as it is. */
const momentOf = (call: Call, { path, as_of }: { readonly path: string; readonly as_of: number }) =>
  call.mounts.some(({ mount_point }) => path === mount_point || isBelow(path, mount_point)) ? {} : { as_of };

const below = z.object({ path: z.string(), ...moment, from: z.string() });
const page = z.object({ paths: z.array(z.string()), next: z.string().nullable() });

/** A page of the files below a folder that the caller may read, by path. */
export const filesBelow: Operation<z.infer<typeof below>, z.infer<typeof page>> = {
  ...READING,
  name: 'corpus.files-below',
  summary: 'List files below a folder as sources of a batch.',
  heavy: true,
  input: below,
  output: page,
  reach: ({ path }) => reachInto(path, {}, { depth: 'tree', content: false }),
  run: async (call, asked) => {
    const view = await viewOf(call, momentOf(call, asked));
    const scope = scopeOf(await readableIn(call, view), asked.path, 'files');
    const paths = scope ? await scanPaths(call.tx, view, { scope, from: asked.from }) : [];
    const last = paths.at(-1);
    return { paths, next: last === undefined ? null : behind(last) };
  },
};

const one = z.object({ path: z.string(), ...moment });

/** A file of the zone: what it holds, which version that is, and the revision that made it. */
export interface ZoneFile {
  readonly content: StoredBytes;
  readonly version: number;
  readonly revision: number;
}

/** Null where nothing is there that may be read. */
export const openSource: Operation<z.infer<typeof one>, ZoneFile | null> = {
  ...READING,
  name: 'corpus.open-source',
  summary: 'Open a file of the zone as a source of a batch.',
  input: one,
  output: z.custom<ZoneFile | null>(() => true),
  reach: ({ path }) => reachOne(path, {}),
  run: async (call, asked) => {
    if (!(await call.access.allows('read', asked.path))) return null;
    const row = await stateThen(call, asked);
    if (row?.kind !== 'f' || row.etag === null) return null;
    const content = { sha256: row.etag, size: row.size, inline: row.inline };
    return { content, version: row.version, revision: row.began };
  },
};

/** A path that then held another file, which the caller may not read, is as one that held none. */
async function stateThen(call: Call, asked: z.infer<typeof one>) {
  try {
    const view = await viewToRead(call, { path: asked.path, ...momentOf(call, asked) });
    return await findContent(call.tx, view, asked.path);
  } catch (thrown) {
    if (thrown instanceof Fault && thrown.code === 'ACCESS_DENIED') return undefined;
    throw thrown;
  }
}

export const sourceOperations = [filesBelow, openSource];
