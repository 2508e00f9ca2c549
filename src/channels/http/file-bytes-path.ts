/**
 * File paths in URLs (files.md §10). Guarantees: the path is taken from the request target as it came, each segment
 * decoded once; a segment that decodes to `.` or `..`, or holds an encoded slash or a control character, is refused
 * and never resolved, so no proxy and no two layers can take it for different files.
 */
import { hasControl, invalidPath } from '../../base/paths.ts';
import { rawPathOf } from './request.ts';

/** `api`, `v2` and `files`. */
const PREFIX_SEGMENTS = 3;

/** A target whose segments are names as they stand: nothing to decode, to refuse or to leave out. */
const PLAIN = /^\/api\/v2\/files((?:\/(?!\.{1,2}(?:\/|$))[\w.~-]+)+)$/;

/** The path of the file that a target below `/api/v2/files` names. */
export function filePathOf(target: string): string {
  const path = rawPathOf(target);
  const plain = PLAIN.exec(path)?.[1];
  if (plain !== undefined) return plain;
  const raw = path
    .split('/')
    .filter((segment) => segment !== '')
    .slice(PREFIX_SEGMENTS);
  return `/${raw.map(decodeSegment).join('/')}`;
}

function decodeSegment(raw: string): string {
  const name = percentDecoded(raw);
  if (name === '.' || name === '..') throw invalidPath(name, 'a segment "." or ".." is never resolved');
  if (name.includes('/')) throw invalidPath(raw, 'a name holds no "/", encoded or not');
  if (hasControl(name)) throw invalidPath(raw, 'control characters are not allowed');
  return name;
}

function percentDecoded(raw: string): string {
  try {
    return decodeURIComponent(raw);
  } catch {
    throw invalidPath(raw, 'not percent-encoded UTF-8');
  }
}

/** The target that names a file. */
export const fileUrlOf = (path: string): string => `/api/v2/files${path.split('/').map(encodeURIComponent).join('/')}`;
