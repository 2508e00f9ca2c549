/** Identifiers. Random ones carry 96 bits and more; the text before the dash says what they name. */
import { randomBytes, randomUUID } from 'node:crypto';

/** `<kind>-<24 hex>`: 96 random bits. */
export const newId = (kind: string): string => `${kind}-${randomBytes(12).toString('hex')}`;

/** A UUID that begins with a time in milliseconds (RFC 9562, version 7), so that ids sort by it. */
export function newUuid(now: number): string {
  const hex = now.toString(16).padStart(12, '0') + randomBytes(10).toString('hex');
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 3) | 8).toString(16);
  return [hex.slice(0, 8), hex.slice(8, 12), `7${hex.slice(13, 16)}`, variant + hex.slice(17, 20), hex.slice(20)].join(
    '-',
  );
}

/** Is it a UUID, of any version? */
export const isUuid = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);

/** A request id, for calls that brought none (files.md §1). */
export const newRequestId = (): string => randomUUID();

/** Is it a request id that may be echoed: 1..128 visible ASCII characters? */
export const isRequestId = (text: string): boolean => /^[\x21-\x7e]{1,128}$/.test(text);

/** Is it the id of a zone: 3..63 characters a-z, 0-9 and -, first and last no dash (access.md §5)? */
export const isZoneId = (text: string): boolean => /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/.test(text);

/** Is it the id of an agent (platform.md §0)? */
export const isAgentId = (text: string): boolean => /^[A-Za-z0-9_][A-Za-z0-9._:,@-]{0,127}$/.test(text);
