/** The text of a key (access.md §2). Nothing is ever parsed out of it; the parts are for people. */
import { randomBytes } from 'node:crypto';

/** `sk-<zone>_<subject>_<8 hex>_<32 hex>`; the last part is 128 random bits. */
export function newKeyText(zone_id: string, subject_id: string): string {
  const short = (text: string): string => text.replace(/[^A-Za-z0-9-]/g, '').slice(0, 8) || 'x';
  return `sk-${short(zone_id)}_${short(subject_id)}_${randomBytes(4).toString('hex')}_${randomBytes(16).toString('hex')}`;
}
