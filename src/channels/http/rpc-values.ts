/** Values of JSON-RPC parameters that JSON has no form for: bytes, times, and texts too large for the heap (files.md §3). */
import { z } from 'zod';
import { invalidParams } from '../../base/faults.ts';
import { decodeBase64, decodeSpooledBase64 } from './body/base64-spool.ts';
import { SpooledText, type SpoolRoom } from './body/spool.ts';

const TIME = z.iso.datetime({ offset: true });

/**
 * The parameters with each marker replaced by what it stands for: a promise of them, but most calls have none and are given
 * back as they are, at once.
 */
export const decodeValues = (value: unknown, room: SpoolRoom): unknown =>
  isPlain(value) ? value : decodedIn(value, '', room);

/** Nothing in it stands for something else. */
function isPlain(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (value instanceof SpooledText || '__type__' in value) return false;
  if (Array.isArray(value)) return value.every(isPlain);
  for (const key in value) if (!isPlain((value as Readonly<Record<string, unknown>>)[key])) return false;
  return true;
}

async function decodedIn(value: unknown, at: string, room: SpoolRoom): Promise<unknown> {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof SpooledText) return spooled(value, room);
  if ('__type__' in value) return decodeMarker(value, at, room);
  for (const [key, item] of Object.entries(value)) {
    if (typeof item !== 'object' || item === null) continue;
    const decoded = await decodedIn(item, at === '' ? key : `${at}.${key}`, room);
    if (decoded !== item) Object.assign(value, { [key]: decoded });
  }
  return value;
}

async function decodeMarker(marker: object, at: string, room: SpoolRoom): Promise<unknown> {
  const { __type__: type, data } = marker as { __type__: unknown; data?: unknown };
  if (type === 'datetime' && TIME.safeParse(data).success) return data;
  if (type === 'bytes' && typeof data === 'string') return decodeBase64(data, at);
  if (type === 'bytes' && data instanceof SpooledText) return decodeSpooledBase64(data, { room, path: at });
  throw invalidParams({
    path: at,
    message: 'a marker is {"__type__":"bytes","data":base64} or {"__type__":"datetime","data":time}',
  });
}

/** In the form in which operations take a large text. */
const spooled = (text: SpooledText, room: SpoolRoom): object => ({
  loneSurrogate: text.loneSurrogate,
  bytes: () => text.bytes,
  decoded: (path: string) => decodeSpooledBase64(text, { room, path }),
});
