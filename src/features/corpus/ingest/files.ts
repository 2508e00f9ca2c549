/**
 * Files of a batch as they are read: of the operator's folder, or of the zone. Guarantees: what is not there, not readable or too
 * large is an outcome of that file; the hash is that of the bytes that were kept.
 */
import { nameOf } from '../../../base/paths.ts';
import type { StoredBytes } from '../../../core/operation.ts';
import { BackendError } from '../../../ports/backend.ts';
import type { FolderFile } from '../../../ports/corpus-folder.ts';
import type { NewBlob } from '../../content/content.sql.ts';
import type { JobRun } from '../../jobs/job-types.ts';
import { announceBy, keepContent } from '../../mounts/fetch.ts';
import type { DocumentPlace } from '../documents/documents.sql.ts';
import { readKept } from '../documents/texts.ts';
import type { Modality } from '../plugins/plugin.ts';
import { isSupported, isTextByContent, LOOKED_BYTES, modalityOfName } from './modality.ts';
import type { Source } from './plan.ts';
import { openSource } from './sources.operations.ts';

/** A file that is there. */
export interface SourceFile {
  readonly place: DocumentPlace;
  readonly title: string;
  readonly modality: Modality;
  readonly size: number;
  /** Of a file of the zone. */
  readonly moment: { readonly version?: number; readonly revision?: number };
  /** Its bytes, hashed and kept. */
  keep(): Promise<StoredBytes & Pick<NewBlob, 'utf8'>>;
  close(): Promise<void>;
}

const NOT_FOUND = 'File not found';

/** A text says why there is none. */
export async function openFile(run: JobRun, source: Source, as_of: number): Promise<SourceFile | string> {
  const file = source.kind === 'zone' ? await openInZone(run, source.path, as_of) : await openOnDisk(run, source.path);
  if (!file) return NOT_FOUND;
  const maximum = run.tools.limits.INGEST_FILE_BYTES;
  if (file.size <= maximum) return file;
  await file.close();
  return `File is larger than ${maximum} bytes`;
}

async function openInZone(run: JobRun, path: string, as_of: number): Promise<SourceFile | undefined> {
  const found = await run.tools.act(openSource, run, { path, as_of });
  if (!found) return undefined;
  const { content, version, revision } = found;
  const title = nameOf(path);
  return {
    place: { source: 'zone', path },
    title,
    modality: isSupported(title) || !(await holdsText(run, content)) ? modalityOfName(title) : 'text',
    size: content.size,
    moment: { version, revision },
    keep: async () => ({ ...content, utf8: true }),
    close: async () => undefined,
  };
}

async function holdsText({ tools }: JobRun, content: StoredBytes): Promise<boolean> {
  return isTextByContent(await readKept(tools.blobs, content, { end: LOOKED_BYTES }), content.size);
}

/** Whether a file of the zone is a text by what it holds. */
export async function isTextInZone(run: JobRun, path: string, as_of: number): Promise<boolean> {
  const found = await run.tools.act(openSource, run, { path, as_of });
  return found !== null && holdsText(run, found.content);
}

async function openOnDisk(run: JobRun, path: string): Promise<SourceFile | undefined> {
  const file = await run.tools.folder.open(path);
  if (!file || file === 'OUTSIDE') return undefined;
  const title = nameOf(file.path);
  return {
    place: { source: 'disk', path: file.path },
    title,
    modality: modalityOfName(title),
    size: file.size,
    moment: {},
    keep: () => keepFile(run, file),
    close: () => file.close(),
  };
}

async function keepFile({ tools, zone_id }: JobRun, file: FolderFile) {
  const announce = announceBy((operation, input) => tools.step(operation, zone_id, input));
  return keepContent({ blobs: tools.blobs, announce }, { size: file.size, bytes: file.bytes() });
}

/** Why a file could not be read; undefined for what is no fault of the file. */
export const unreadable = (thrown: unknown): string | undefined =>
  thrown instanceof BackendError && thrown.code === 'CHANGED' ? 'File changed while it was read' : undefined;
