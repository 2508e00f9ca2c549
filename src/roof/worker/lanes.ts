/**
 * What a node does in several zones at once. Guarantees: one thing at a time in each of them; a zone that others have
 * locked for long keeps no other waiting, nor whoever asked.
 */

/** Milliseconds that whoever begins something waits for it. */
const SOON_MS = 100;

interface Under {
  readonly size: number;
  readonly done: Promise<unknown>;
}

export interface LanesParts {
  /** Given failures for which nobody waited. */
  readonly failed: (thrown: unknown) => void;
  /** Called when a zone is free again. */
  readonly over?: () => void;
}

export class Lanes {
  private readonly parts: LanesParts;
  private readonly under = new Map<string, Under>();

  constructor(parts: LanesParts) {
    this.parts = parts;
  }

  isFree(zone_id: string): boolean {
    return !this.under.has(zone_id);
  }

  get isBusy(): boolean {
    return this.under.size > 0;
  }

  /** Those that are not free. */
  get zones(): string[] {
    return [...this.under.keys()];
  }

  /** Of all that is under way. */
  get size(): number {
    return [...this.under.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /**
   * Begins the work in those of the zones that are free, and waits a moment for it; throws what failed meanwhile. Each zone
   * comes with the size of what is done there. Gives how many it began in.
   */
  async each(zones: ReadonlyMap<string, number>, work: (zone_id: string) => Promise<unknown>): Promise<number> {
    const begun = [...zones].filter(([zone_id]) => this.isFree(zone_id)).map((one) => this.begin(one, work));
    if (begun.length > 0) await this.soon(Promise.all(begun));
    return begun.length;
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    await Promise.allSettled([...this.under.values()].map(({ done }) => done));
  }

  private begin([zone_id, size]: readonly [string, number], work: (zone_id: string) => Promise<unknown>) {
    const done = work(zone_id).finally(() => {
      this.under.delete(zone_id);
      this.parts.over?.();
    });
    this.under.set(zone_id, { size, done });
    return done;
  }

  private async soon(work: Promise<unknown>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      resolve();
    }, SOON_MS);
    const told = work.catch((thrown: unknown) => {
      if (!late) throw thrown;
      this.parts.failed(thrown);
    });
    await Promise.race([told, promise]).finally(() => clearTimeout(timer));
  }
}
