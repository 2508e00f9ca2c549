/** The shapes in which files are answered (files.md §6), from a state of the tree. */
import { z } from 'zod';
import { isoTime } from '../../base/clock.ts';
import { jsonObject } from '../../base/json-object.ts';
import { parseJson } from '../../base/parse-json.ts';
import { nameOf } from '../../base/paths.ts';
import type { StateRow } from './files.sql.ts';

export const fileObject = z.object({
  path: z.string(),
  name: z.string(),
  type: z.enum(['file', 'directory']),
  is_directory: z.boolean(),
  size: z.number(),
  etag: z.string().nullable(),
  hash: z.string().nullable(),
  version: z.number().nullable(),
  content_type: z.string().nullable(),
  mime_type: z.string().nullable(),
  encoding: z.string().nullable(),
  created_at: z.string(),
  modified_at: z.string(),
  created_by: z.string(),
  modified_by: z.string(),
  revision: z.number(),
  file_id: z.string(),
  metadata: jsonObject,
});
export type FileObject = z.infer<typeof fileObject>;

export const entryObject = fileObject.pick({
  path: true,
  name: true,
  type: true,
  is_directory: true,
  size: true,
  etag: true,
  modified_at: true,
});
export type EntryObject = z.infer<typeof entryObject>;

export const writeResult = z.object({
  path: z.string(),
  etag: z.string(),
  hash: z.string(),
  version: z.number(),
  size: z.number(),
  created: z.boolean(),
  created_at: z.string(),
  modified_at: z.string(),
  revision: z.number(),
  content_type: z.string(),
  encoding: z.string(),
  bytes_written: z.object({
    path: z.string(),
    etag: z.string(),
    version: z.number(),
    size: z.number(),
    modified_at: z.string(),
  }),
});
export type WriteResult = z.infer<typeof writeResult>;

/** Own metadata of a state; never null. */
export const metadataOf = (row: Pick<StateRow, 'metadata'>): Record<string, unknown> =>
  row.metadata === null ? {} : parseJson(row.metadata);

/** Of a file in a store that nobody has read yet, the hash is not known. */
const etagOf = ({ etag }: Pick<StateRow, 'etag'>): string | null => etag || null;

/** `shown` is the path as the caller asked for it, with a zone prefix if it had one. */
export function toEntry(row: StateRow, shown: string): EntryObject {
  const directory = row.kind === 'd';
  return {
    path: shown,
    name: nameOf(row.path),
    type: directory ? 'directory' : 'file',
    is_directory: directory,
    size: row.size,
    etag: etagOf(row),
    modified_at: isoTime(row.modified_at),
  };
}

export function toFileObject(row: StateRow, shown: string): FileObject {
  const directory = row.kind === 'd';
  const content_type = directory ? null : row.content_type;
  return {
    ...toEntry(row, shown),
    hash: etagOf(row),
    version: directory ? null : row.version,
    content_type,
    mime_type: content_type,
    encoding: row.encoding,
    created_at: isoTime(row.created_at),
    created_by: row.created_by,
    modified_by: row.modified_by,
    revision: row.began,
    file_id: row.file_id,
    metadata: metadataOf(row),
  };
}

export interface Written {
  readonly path: string;
  readonly etag: string;
  readonly version: number;
  readonly size: number;
  readonly created: boolean;
  readonly created_at: number;
  readonly modified_at: number;
  readonly revision: number;
  readonly content_type: string;
  readonly encoding: string;
}

export function toWriteResult(written: Written, shown: string): WriteResult {
  const { etag, version, size } = written;
  const modified_at = isoTime(written.modified_at);
  return {
    path: shown,
    etag,
    hash: etag,
    version,
    size,
    created: written.created,
    created_at: isoTime(written.created_at),
    modified_at,
    revision: written.revision,
    content_type: written.content_type,
    encoding: written.encoding,
    bytes_written: { path: shown, etag, version, size, modified_at },
  };
}
