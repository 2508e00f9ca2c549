/**
 * Zones in which more is due than one look gives. Guarantees: what had no room in a look was seen with it, so it is late and
 * not missed however long the others take, up to a minute; whoever is behind for longer is as good as away.
 */

/** Longer than 1,000 schedules of a zone take on a slow disk. */
const BEHIND_MOST_MS = 60_000;

export class Behind {
  private readonly since = new Map<string, number>();

  /** When what is due in the zone was seen, for a look at `at`, in milliseconds of the clock of the queue. */
  seen(zone_id: string, at: number): number {
    const since = this.since.get(zone_id);
    return since === undefined || at - since > BEHIND_MOST_MS ? at : Math.min(since, at);
  }

  /** Tells of a look: what zones it found, and when they were seen. */
  looked(seen: ReadonlyMap<string, number>, { full }: { readonly full: boolean }): void {
    for (const [zone_id, at] of seen) {
      if (full) this.since.set(zone_id, at);
      else this.since.delete(zone_id);
    }
  }

  /** Nobody looked for a while on purpose: what came meanwhile was missed. */
  clear(): void {
    this.since.clear();
  }
}
