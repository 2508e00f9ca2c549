/** Identifiers. Random ones carry 96 bits and more; the text before the dash says what they name. */
import { randomBytes, randomUUID } from 'node:crypto';

const DRAWN_BYTES = 4096;
let drawn = new Uint8Array();
let used = 0;

/** Random bytes that nobody else is given. Drawn ahead: asking for those of one id takes 15 times as long. */
function random(bytes: number): Buffer {
  if (used + bytes > drawn.length) [drawn, used] = [randomBytes(DRAWN_BYTES), 0];
  used += bytes;
  return Buffer.from(drawn.buffer, drawn.byteOffset + used - bytes, bytes);
}

/** `<kind>-<24 hex>`: 96 random bits. */
export const newId = (kind: string): string => `${kind}-${random(12).toString('hex')}`;

/** What the last UUID had, so that those of one millisecond are in the order in which they were made. */
const last = { ms: 0, count: 0 };
const COUNT_MAX = 0xfff;

/** A UUID that begins with a time in milliseconds (RFC 9562, version 7, with a counter): ids of a process sort by it. */
export function newUuid(now: number): string {
  const bytes = random(10);
  last.count = now === last.ms ? Math.min(last.count + 1, COUNT_MAX) : bytes.readUInt16BE(8) & 0xff;
  last.ms = now;
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x80;
  const time = now.toString(16).padStart(12, '0');
  const tail = bytes.toString('hex');
  const count = last.count.toString(16).padStart(3, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${count}-${tail.slice(0, 4)}-${tail.slice(4, 16)}`;
}

/** Is it a UUID, of any version? */
export const isUuid = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);

/** A request id, for calls that brought none (files.md §1). */
export const newRequestId = (): string => randomUUID();

/** Is it a request id that may be echoed: 1..128 visible ASCII characters? */
export const isRequestId = (text: string): boolean => /^[\x21-\x7e]{1,128}$/.test(text);

/** Ids of zones: 3..63 characters a-z, 0-9 and -, first and last no dash (access.md §5). */
export const ZONE_ID = /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/;
export const isZoneId = (text: string): boolean => ZONE_ID.test(text);

/** Ids of agents (platform.md §0). */
export const AGENT_ID = /^[A-Za-z0-9_][A-Za-z0-9._:,@-]{0,127}$/;
export const isAgentId = (text: string): boolean => AGENT_ID.test(text);
