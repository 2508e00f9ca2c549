/** Identifiers. Random ones carry 96 bits and more; the text before the dash says what they name. */
import { randomBytes, randomUUID } from 'node:crypto';

/** `<kind>-<24 hex>`: 96 random bits. */
export const newId = (kind: string): string => `${kind}-${randomBytes(12).toString('hex')}`;

/** A request id, for calls that brought none (files.md §1). */
export const newRequestId = (): string => randomUUID();

/** Is it a request id that may be echoed: 1..128 visible ASCII characters? */
export const isRequestId = (text: string): boolean => /^[\x21-\x7e]{1,128}$/.test(text);

/** Is it the id of a zone: 3..63 characters a-z, 0-9 and -, first and last no dash (access.md §5)? */
export const isZoneId = (text: string): boolean => /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/.test(text);

/** Is it the id of an agent (platform.md §0)? */
export const isAgentId = (text: string): boolean => /^[A-Za-z0-9_][A-Za-z0-9._:,@-]{0,127}$/.test(text);
