/**
 * Paths inside a zone (files.md §5). Guarantees: a path that came through {@link cleanPath} is absolute, has no empty,
 * `.` or `..` segment, no control character and no trailing slash, so equal places have equal texts; names compare by
 * code point, and sort by UTF-8 bytes.
 */
import { Fault } from './faults.ts';
import type { Limits } from './limits.ts';

const CONTROL = /[\u0000-\u001f\u007f]/;

export const hasControl = (text: string): boolean => CONTROL.test(text);

export type PathLimits = Pick<Limits, 'PATH_BYTES' | 'SEGMENT_BYTES' | 'PATH_SEGMENTS'>;

export const invalidPath = (path: string, reason: string): Fault => {
  const shown = path.slice(0, 200).toWellFormed();
  return new Fault('INVALID_PATH', `Invalid path ${JSON.stringify(shown)}: ${reason}`, { path: shown, reason });
};

/** The canonical form of a path as a client gave it. */
export function cleanPath(path: string, limits: PathLimits): string {
  if (isClean(path)) {
    if (path.length * 3 > limits.SEGMENT_BYTES) checkSize(path, path.split('/').slice(1), limits);
    return path;
  }
  if (hasControl(path)) throw invalidPath(path, 'control characters are not allowed');
  if (!path.isWellFormed()) throw invalidPath(path, 'a lone surrogate is not a character');
  const segments = path.split('/').filter((segment) => segment !== '' && segment !== '.');
  if (segments.includes('..')) throw invalidPath(path, '".." is never resolved');
  const clean = `/${segments.join('/')}`;
  checkSize(clean, segments, limits);
  return clean;
}

/** The quick yes for the plain paths that nearly all calls bring. */
const isClean = (path: string): boolean => /^(?:\/(?!\.{1,2}(?:\/|$))[\x20-\x2e\x30-\x7e]+)+$/.test(path);

function checkSize(path: string, segments: readonly string[], limits: PathLimits): void {
  if (segments.length > limits.PATH_SEGMENTS) throw invalidPath(path, `more than ${limits.PATH_SEGMENTS} names`);
  if (Buffer.byteLength(path) > limits.PATH_BYTES) throw invalidPath(path, `longer than ${limits.PATH_BYTES} bytes`);
  for (const segment of segments) {
    if (Buffer.byteLength(segment) > limits.SEGMENT_BYTES) {
      throw invalidPath(path, `a name longer than ${limits.SEGMENT_BYTES} bytes`);
    }
  }
}

/** The path, or INVALID_PATH for `/`, which these operations do not take. */
export function refuseRoot(path: string): string {
  if (path === '/') throw invalidPath(path, 'the root directory always exists and cannot be changed');
  return path;
}

export const parentOf = (path: string): string => path.slice(0, Math.max(1, path.lastIndexOf('/')));
export const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** The folders above a path, `/` first, itself not included. */
export function ancestorsOf(path: string): string[] {
  if (path === '/') return [];
  const above = ['/'];
  for (let at = path.indexOf('/', 1); at > 0; at = path.indexOf('/', at + 1)) above.push(path.slice(0, at));
  return above;
}

/** Is `path` below `folder` (not the folder itself)? */
export const isBelow = (path: string, folder: string): boolean =>
  folder === '/' ? path !== '/' : path.length > folder.length && path.startsWith(folder) && path[folder.length] === '/';

/** Everything below a folder lies strictly between these two texts: `/` is followed by `0` in byte order. */
export const rangeBelow = (folder: string): { readonly from: string; readonly to: string } =>
  folder === '/' ? { from: '/', to: '0' } : { from: `${folder}/`, to: `${folder}0` };

/** Position behind a text as SQL's substr counts: characters from 1, where JavaScript counts UTF-16 units. */
export const cutAfter = (text: string): number => [...text].length + 1;

/** Order by UTF-8 bytes, which is the order of code points. */
export function comparePaths(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    // Surrogates stand for code points above every other unit.
    const xHigh = x >= 0xd800 && x <= 0xdfff;
    const yHigh = y >= 0xd800 && y <= 0xdfff;
    if (xHigh !== yHigh) return xHigh ? 1 : -1;
    return x - y;
  }
  return a.length - b.length;
}

/** `/zone/<id>/rest` taken apart (rule 7); undefined for a path of the caller's own zone. */
export function zoneOfPath(path: string): { readonly zone_id: string; readonly inside: string } | undefined {
  const found = /^\/+zone(?:\/+([^/]+)(.*))?\/*$/su.exec(path.startsWith('/') ? path : `/${path}`);
  if (!found) return undefined;
  const [, zone, inside] = found;
  // Inside of a zone too: what lay there could not be named, and would be told as the path of another zone.
  if (zone === undefined || /^\/+zone(?:\/|$)/.test(inside ?? '')) {
    throw invalidPath(path, 'the first name "zone" is kept for /zone/<zone_id>/…');
  }
  return { zone_id: zone, inside: inside || '/' };
}
