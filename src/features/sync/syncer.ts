/**
 * One push or pull of a mount from its beginning to its result. Guarantees: a store that cannot be reached, or a zone with as many
 * conflicts as it may have, is a result with failures, and no failure of the run; whatever was done by then stands in rows, so another run goes on from
 * there.
 */
import { noteHealth } from '../mounts/mount-steps.operations.ts';
import { pull } from './pull.ts';
import { push } from './push.ts';
import { type Asked, RunOver, type SyncParts, Tally } from './run.ts';
import type { Begun } from './steps.operations.ts';

export type Action = 'push' | 'pull';

export interface Ran {
  readonly tally: Tally;
  /** The first thing that was wrong. */
  readonly error: string | null;
}

/** `resolution` of the mount holds where the call names none. */
export async function runSync(
  parts: SyncParts,
  begun: Begun,
  { action, ...asked }: Asked & { readonly action: Action },
): Promise<Ran> {
  const tally = new Tally();
  const work = action === 'push' ? push : pull;
  try {
    await work(parts, begun, { asked, tally });
  } catch (thrown) {
    if (!(thrown instanceof RunOver)) throw thrown;
    const { code, message, data } = thrown.fault;
    const { mount_id, mount_point } = parts.mount;
    if (tally.failed === 0) tally.fail({ path: mount_point, code, message });
    // Whoever looks at the mount sees it too; the next call that reaches the store takes it back.
    if (data.reason === 'store_unreachable')
      await parts.step(noteHealth, { mount_id, status: 'unreachable', last_error: message });
  }
  return { tally, error: tally.errors[0]?.message ?? null };
}
