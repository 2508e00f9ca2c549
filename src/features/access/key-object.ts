/** The key object (access.md §2), from a key's row. The text of a key is no part of it: only its hash is kept. */
import { z } from 'zod';
import { isoTime } from '../../base/clock.ts';
import type { KeyRow } from './keys.sql.ts';

export const keyObject = z.object({
  key_id: z.string(),
  id: z.string(),
  name: z.string(),
  label: z.string(),
  zone_id: z.string(),
  user_id: z.string(),
  subject_type: z.string(),
  subject_id: z.string(),
  role: z.string(),
  is_admin: z.boolean(),
  inherit_permissions: z.boolean(),
  raw_mode_enabled: z.boolean(),
  rate_limit_per_minute: z.number().nullable(),
  key_prefix: z.string(),
  created_at: z.string(),
  expires_at: z.string().nullable(),
  last_used_at: z.string().nullable(),
  revoked: z.boolean(),
});
export type KeyObject = z.infer<typeof keyObject>;

/** What creates a key answers: its text, this once, under each of its names. */
export const createdKey = keyObject.extend({ key: z.string(), raw_key: z.string(), api_key: z.string() });
export type CreatedKey = z.infer<typeof createdKey>;

const timeOf = (at: number | null): string | null => (at === null ? null : isoTime(at));

export const toKeyObject = (row: Omit<KeyRow, 'origin'>): KeyObject => ({
  key_id: row.key_id,
  id: row.key_id,
  name: row.name,
  label: row.name,
  zone_id: row.zone_id,
  user_id: row.user_id,
  subject_type: row.subject_type,
  subject_id: row.subject_id,
  role: row.role,
  is_admin: row.role === 'admin',
  inherit_permissions: row.inherit_permissions === 1,
  raw_mode_enabled: row.raw_mode_enabled === 1,
  rate_limit_per_minute: row.rate_limit_per_minute,
  key_prefix: row.key_prefix,
  created_at: isoTime(row.created_at),
  expires_at: timeOf(row.expires_at),
  last_used_at: timeOf(row.last_used_at),
  revoked: row.revoked_at !== null,
});
