/** Guarantee: zone `root` keeps an admin key that works, now and later: whatever would take the last one away is refused. */
import { invalidParams } from '../../base/faults.ts';
import type { Call } from '../../core/operation.ts';
import { hasRootAdmin, type KeyRow } from './keys.sql.ts';

type Leaving = Pick<KeyRow, 'key_id' | 'zone_id' | 'role' | 'expires_at'>;

/** INVALID_PARAMS, about that parameter, where nothing stands in for a key that is about to go or has gone in this transaction. */
export async function checkLastAdmin(call: Call, key: Leaving, path = 'key_id'): Promise<void> {
  if (key.zone_id !== 'root' || key.role !== 'admin') return;
  if (key.expires_at !== null && key.expires_at <= call.now) return;
  // Another one stands in for it as long as it would have worked itself.
  const end = key.expires_at ?? Number.MAX_SAFE_INTEGER;
  if (await hasRootAdmin(call.tx, key.key_id, end - 1)) return;
  throw invalidParams({
    path,
    message: `${path === 'key_id' ? 'is' : 'has'} the last admin key of zone root that goes on working: make another without an expiry first`,
  });
}
