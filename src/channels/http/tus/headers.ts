/**
 * Headers of the upload protocol (TUS 1.0.0). Guarantees: what is malformed, repeated or contradicts another header is
 * BAD_HEADER and is not guessed at.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { decodeBase64 } from '../../../base/base64.ts';
import { Fault } from '../../../base/faults.ts';
import { one, rawPathOf } from '../request.ts';

export const VERSION = '1.0.0';
export const ROOT = '/api/v2/uploads';
export const EXTENSIONS = [
  'creation',
  'creation-with-upload',
  'creation-defer-length',
  'expiration',
  'checksum',
  'checksum-trailer',
  'concatenation',
  'termination',
];
/** The type of a body that is bytes of an upload. */
export const BYTES = 'application/offset+octet-stream';

const METADATA_BYTES = 4096;
const PARTIALS_MOST = 1_000;

const bad = (header: string, why: string): Fault => new Fault('BAD_HEADER', `${header} ${why}`, { header });

/** A whole number from 0 up; undefined where the header is absent. One that is too large to be exact is the largest that is. */
export function numberIn(headers: IncomingHttpHeaders, header: string): number | undefined {
  const text = one(headers, header.toLowerCase());
  if (text === undefined) return undefined;
  if (/^[0-9]+$/.test(text)) return Math.min(Number(text), Number.MAX_SAFE_INTEGER);
  throw bad(header, 'has to be a whole number');
}

export const mediaOf = (headers: IncomingHttpHeaders): string | undefined =>
  one(headers, 'content-type')?.split(';')[0]?.trim().toLowerCase();

/** Throws PRECONDITION_FAILED for a request of another version, or of none. */
export function checkVersion(headers: IncomingHttpHeaders): void {
  const asked = one(headers, 'tus-resumable');
  if (asked === VERSION) return;
  throw new Fault('PRECONDITION_FAILED', `Tus-Resumable has to be ${VERSION}`, { version: asked ?? null });
}

/** Pairs in their order; a key alone has an empty value. */
export function metadataIn(headers: IncomingHttpHeaders): Map<string, string> {
  const text = one(headers, 'upload-metadata');
  const pairs = new Map<string, string>();
  if (text === undefined) return pairs;
  if (Buffer.byteLength(text) > METADATA_BYTES) throw bad('Upload-Metadata', `is longer than ${METADATA_BYTES} bytes`);
  for (const pair of text.split(',')) {
    const [key = '', encoded = '', ...more] = pair.trim().split(' ');
    if (!/^[\x21-\x2b\x2d-\x7e]+$/.test(key) || more.length > 0) {
      throw bad('Upload-Metadata', 'has to be pairs of a key and a value in Base64, separated by commas');
    }
    if (pairs.has(key)) throw bad('Upload-Metadata', `names ${key} twice`);
    pairs.set(key, textIn(key, encoded));
  }
  return pairs;
}

function textIn(key: string, encoded: string): string {
  const bytes = decodeBase64(encoded);
  if (!bytes) throw bad('Upload-Metadata', `has a value of ${key} that is not Base64`);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw bad('Upload-Metadata', `has a value of ${key} that is not UTF-8`);
  }
}

const OWN_KEYS = new Set(['path', 'filename', 'content_type', 'filetype']);

/** What the metadata mean here. */
export function targetIn(headers: IncomingHttpHeaders): Record<string, unknown> {
  const pairs = metadataIn(headers);
  const others = [...pairs].filter(([key]) => !OWN_KEYS.has(key));
  const content_type = pairs.get('content_type') || pairs.get('filetype');
  if (content_type !== undefined && !/^[\x20-\x7e]{0,255}$/.test(content_type)) {
    throw bad('Upload-Metadata', 'has a type that is not visible ASCII characters');
  }
  return {
    path: pairs.get('path') || undefined,
    filename: pairs.get('filename') || undefined,
    content_type: content_type || undefined,
    file_metadata: others.length > 0 ? Object.fromEntries(others) : undefined,
    metadata: one(headers, 'upload-metadata'),
  };
}

/** `partial`, or `final` with the ids of its partials. */
export function concatIn(headers: IncomingHttpHeaders): { kind: 'single' | 'partial' | 'final'; partials?: string[] } {
  const text = one(headers, 'upload-concat');
  if (text === undefined) return { kind: 'single' };
  if (text === 'partial') return { kind: 'partial' };
  if (!text.startsWith('final;')) throw bad('Upload-Concat', 'has to be partial, or final; and the URLs of partials');
  const urls = text.slice('final;'.length).split(' ').filter(Boolean);
  if (urls.length < 1 || urls.length > PARTIALS_MOST) throw bad('Upload-Concat', `takes 1 to ${PARTIALS_MOST} URLs`);
  return { kind: 'final', partials: urls.map(idOf) };
}

/** The id in a URL of ours, absolute or relative; what is no such URL names no upload. */
function idOf(url: string): string {
  const path = rawPathOf(URL.parse(url, `http://here${ROOT}/`)?.pathname ?? '').replace(/\/{2,}/g, '/');
  return path.startsWith(`${ROOT}/`) ? path.slice(ROOT.length + 1).replace(/\/$/, '') : path;
}

/** The length that a creation announces; undefined where it is told later, or follows from the partials. */
export function lengthIn(headers: IncomingHttpHeaders, kind: 'single' | 'partial' | 'final'): number | undefined {
  const length = numberIn(headers, 'Upload-Length');
  const later = one(headers, 'upload-defer-length');
  if (later !== undefined && later !== '1') throw bad('Upload-Defer-Length', 'has to be 1');
  if (kind === 'final') {
    if (length === undefined && later === undefined) return undefined;
    throw bad('Upload-Length', 'of a final upload is that of its partials');
  }
  if ((length === undefined) === (later === undefined)) {
    throw bad('Upload-Length', 'or Upload-Defer-Length has to be given, and not both');
  }
  return length;
}
