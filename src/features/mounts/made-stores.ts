/**
 * Stores that were made for a mount whose call has not committed yet. Guarantees: if it does not, what was made goes again, unless
 * somebody has put something there or a mount lies there all the same; nobody mounts it meanwhile, on any node; a kill in between
 * leaves an empty place, which the next mount of it finds.
 */
import { randomUUID } from 'node:crypto';
import { isBelow } from '../../base/paths.ts';
import type { NewStore, Passage } from '../../core/call/outside.ts';
import type { Place } from '../../ports/backend.ts';
import { storeFault } from './failures.ts';
import { hold, unlessHeld } from './holding.ts';
import { claimStores, endIntent, renewIntent } from './mount-steps.operations.ts';
import { listOfStore } from './mounts.sql.ts';
import type { OutsideParts } from './outside-parts.ts';

type Made = NonNullable<Passage['made']>;

type Parts = Pick<OutsideParts, 'stores' | 'sql' | 'step'>;

interface Claim {
  readonly letGo: () => void;
  /** Takes away what was made under it. */
  readonly undo: () => Promise<void>;
}

export class MadeStores {
  private readonly parts: Parts;
  private readonly claims = new Map<string, Claim>();

  constructor(parts: Parts) {
    this.parts = parts;
  }

  /** The next who asks for one, on any node, waits until the call has ended: it may have to be taken away again. */
  async make(store: NewStore, zone_id: string): Promise<Made> {
    const { step, stores } = this.parts;
    const made_id = randomUUID();
    await unlessHeld(async () => (await step(claimStores, 'root', { intent_id: made_id })) || undefined);
    const letGo = hold(this.parts, 'root', made_id);
    try {
      this.claims.set(made_id, { letGo, undo: await stores.make(store, zone_id) });
      return { made_id, place: store.place };
    } catch (thrown) {
      letGo();
      await this.end(made_id);
      throw storeFault(thrown, store, 'backend_config');
    }
  }

  async keep({ made_id }: Made): Promise<void> {
    this.claims.get(made_id)?.letGo();
    await this.end(made_id);
  }

  /** As far as it goes: why the call failed matters more. */
  async takeAway({ made_id, place }: Made): Promise<void> {
    const claim = this.claims.get(made_id);
    if (!claim) return;
    claim.letGo();
    try {
      // Whoever was taken for dead may have been followed by somebody who found the place.
      const isClaimed = await this.parts.step(renewIntent, 'root', { intent_id: made_id });
      if (isClaimed && !(await this.isMounted(place))) await claim.undo();
    } catch {
      // What stays is empty.
    }
    await this.end(made_id);
  }

  /** Where this fails, the claim ends by itself. */
  private async end(made_id: string): Promise<void> {
    this.claims.delete(made_id);
    await this.parts.step(endIntent, 'root', { intent_id: made_id }).catch(() => undefined);
  }

  /** A call whose end was not learnt may have committed. */
  private async isMounted(place: Place): Promise<boolean> {
    const mounts = await this.parts.sql.read((tx) => listOfStore(tx, place.store));
    return mounts.some((one) => one.place === place.path || isBelow(one.place, place.path));
  }
}
