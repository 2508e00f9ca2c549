/**
 * Headers of a file's content, out and in (files.md §10). Guarantees: whatever a file's metadata hold, the head of the
 * answer is well-formed and small enough for common clients.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { invalidParams } from '../../base/faults.ts';
import type { ReadOutput } from '../../features/files/read-shapes.ts';
import { httpDate } from './http-date.ts';

export type Headers = Record<string, string | number>;

const META = 'x-nexus-meta-';

/** Clients refuse heads over 16 KiB: metadata beyond this is left out, and read with `get_metadata`. */
const META_BYTES = 12 * 1024;

/** Those that also a 304 carries. */
export const stateHeaders = ({ row: file }: ReadOutput): Headers => ({
  etag: `"${file.etag}"`,
  'last-modified': httpDate(file.modified_at),
  'cache-control': 'private, no-cache',
  'x-nexus-version': file.version,
  'x-nexus-revision': file.began,
});

/** Those of the content itself. `sandbox` and `nosniff`: nothing stored here ever runs as a page of this server. */
export const contentHeaders = ({ row: file, metadata }: ReadOutput): Headers => ({
  'content-type': file.content_type,
  'accept-ranges': 'bytes',
  'x-content-type-options': 'nosniff',
  'content-security-policy': "sandbox; default-src 'none'",
  ...metaHeaders(metadata),
});

/** Own metadata, percent-encoded; what is no text as JSON. */
function metaHeaders(metadata: Readonly<Record<string, unknown>>): Headers {
  const headers: Headers = {};
  let room = META_BYTES;
  for (const [key, value] of Object.entries(metadata)) {
    const name = META + percentEncoded(key);
    const text = percentEncoded(typeof value === 'string' ? value : JSON.stringify(value));
    const size = name.length + text.length + ': \r\n'.length;
    if (size > room) continue;
    room -= size;
    headers[name] = text;
  }
  return headers;
}

/** As encodeURIComponent, and the brackets that no header name may hold. A lone surrogate becomes U+FFFD. */
const percentEncoded = (text: string): string =>
  encodeURIComponent(text.toWellFormed()).replace(/[()]/g, (bracket) => (bracket === '(' ? '%28' : '%29'));

/** Own metadata that a request brings; undefined where it brings none, which keeps what the file has. */
export function metadataOf(headers: IncomingHttpHeaders): Record<string, string> | undefined {
  const found = Object.entries(headers).filter(([name]) => name.startsWith(META));
  if (found.length === 0) return undefined;
  return Object.fromEntries(
    found.map(([name, value]) => [decoded(name.slice(META.length), name), decoded(String(value), name)]),
  );
}

function decoded(text: string, header: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalidParams({ path: header, message: 'has to be percent-encoded UTF-8' });
  }
}

/** `attachment` under the file's own name; the plain form is for clients that do not know RFC 8187. */
export function attachment(name: string): string {
  const plain = name.replace(/[^\x20-\x7e]|["\\%]/g, '_');
  const extended = encodeURIComponent(name).replace(
    /['()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${plain}"; filename*=UTF-8''${extended}`;
}
