/**
 * Stores that were made for a mount whose call has not committed yet. Guarantees: if it does not, what was made goes again, unless
 * somebody has put something there or a mount lies there all the same; a kill in between leaves an empty place, which the next
 * mount of it finds.
 */
import { randomUUID } from 'node:crypto';
import { isBelow } from '../../base/paths.ts';
import type { NewStore, Passage } from '../../core/call/outside.ts';
import type { Place } from '../../ports/backend.ts';
import { storeFault } from './failures.ts';
import { listOfStore } from './mounts.sql.ts';
import type { OutsideParts } from './outside-parts.ts';

type Made = NonNullable<Passage['made']>;

export class MadeStores {
  private readonly parts: Pick<OutsideParts, 'stores' | 'sql'>;
  private readonly undo = new Map<string, () => Promise<void>>();

  constructor(parts: Pick<OutsideParts, 'stores' | 'sql'>) {
    this.parts = parts;
  }

  async make(store: NewStore, zone_id: string): Promise<Made> {
    try {
      const undo = await this.parts.stores.make(store, zone_id);
      const made_id = randomUUID();
      this.undo.set(made_id, undo);
      return { made_id, place: store.place };
    } catch (thrown) {
      throw storeFault(thrown, store);
    }
  }

  keep({ made_id }: Made): void {
    this.undo.delete(made_id);
  }

  /** As far as it goes: why the call failed matters more. */
  async takeAway({ made_id, place }: Made): Promise<void> {
    const undo = this.undo.get(made_id);
    this.undo.delete(made_id);
    try {
      if (!(await this.isMounted(place))) await undo?.();
    } catch {
      // What stays is empty.
    }
  }

  /** A call whose end was not learnt may have committed. */
  private async isMounted(place: Place): Promise<boolean> {
    const mounts = await this.parts.sql.read((tx) => listOfStore(tx, place.store));
    return mounts.some((one) => one.place === place.path || isBelow(one.place, place.path));
  }
}
