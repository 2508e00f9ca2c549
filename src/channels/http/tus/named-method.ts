/**
 * The method that a client names who cannot send it (platform.md §7.1). Guarantee: it stands in the place of the one that was
 * sent before any route is looked for, whichever that was; of other routes than those of uploads nothing changes.
 */
import type { IncomingMessage } from 'node:http';
import { rawPathOf } from '../request.ts';
import { plainPath } from '../verbs.ts';
import { ROOT } from './headers.ts';

const METHODS: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

export function isUploads(url: string): boolean {
  const path = plainPath(rawPathOf(url));
  return path === ROOT || path.startsWith(`${ROOT}/`);
}

/** Under a name that is none of these the method stays what it is, and the route refuses the name. */
export function takeNamedMethod(message: IncomingMessage): void {
  const { url = '/', headers } = message;
  if (!url.includes('uploads') || !isUploads(url)) return;
  const named = String(headers['x-http-method-override'] ?? '').toUpperCase();
  if (METHODS.includes(named)) message.method = named;
}
