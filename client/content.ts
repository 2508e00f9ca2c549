/** Content as streams, over PUT and GET of `/api/v2/files`. Nothing is held whole. */
import { filePath, type Transport } from './transport.ts';
import type { Result } from './wire.ts';

export type Bytes = string | Uint8Array | ReadableStream<Uint8Array>;

/** What of a file is read: the newest of `main` unless said otherwise. */
export interface View {
  readonly version?: number;
  /** Revision, snapshot id or name, or time. */
  readonly as_of?: number | string;
  readonly branch?: string;
  /** Bytes from `start` to before `end`. */
  readonly range?: { readonly start: number; readonly end?: number };
}

export interface Upload {
  readonly contentType?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly branch?: string;
  /** Only if the file has this etag. */
  readonly ifMatch?: string;
  /** Only if there is no file. */
  readonly ifAbsent?: boolean;
}

export interface Downloaded {
  readonly stream: ReadableStream<Uint8Array>;
  readonly etag: string;
  readonly version: number;
  readonly revision: number;
  readonly contentType: string;
  /** Bytes that the stream gives. */
  readonly size: number;
}

const queryOf = (given: Readonly<Record<string, string | number | undefined>>): string => {
  const pairs = Object.entries(given).filter(([, value]) => value !== undefined);
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs.map(([name, value]) => [name, String(value)]))}`;
};

export async function upload(
  transport: Transport,
  { path, content, ...how }: Upload & { readonly path: string; readonly content: Bytes },
): Promise<Result<'write'>> {
  const headers: Record<string, string> = {};
  if (how.contentType !== undefined) headers['content-type'] = how.contentType;
  if (how.ifMatch !== undefined) headers['if-match'] = `"${how.ifMatch}"`;
  if (how.ifAbsent) headers['if-none-match'] = '*';
  for (const [key, value] of Object.entries(how.metadata ?? {})) {
    headers[`x-nexus-meta-${key}`] = encodeURIComponent(value);
  }
  const body = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  const target = filePath(path) + queryOf({ branch: how.branch });
  return (await transport.rest({ method: 'PUT', path: target, body, headers })) as Result<'write'>;
}

export async function download(transport: Transport, path: string, view: View = {}): Promise<Downloaded> {
  const { range, ...query } = view;
  const headers: Record<string, string> = range ? { range: `bytes=${range.start}-${(range.end ?? 0) - 1}` } : {};
  if (range && range.end === undefined) headers.range = `bytes=${range.start}-`;
  const response = await transport.raw({ method: 'GET', path: filePath(path) + queryOf(query), headers });
  const header = (name: string): string => response.headers.get(name) ?? '';
  return {
    stream: response.body ?? new ReadableStream({ start: (control) => control.close() }),
    etag: header('etag').replaceAll('"', ''),
    version: Number(header('x-nexus-version')),
    revision: Number(header('x-nexus-revision')),
    contentType: header('content-type'),
    size: Number(header('content-length')),
  };
}
