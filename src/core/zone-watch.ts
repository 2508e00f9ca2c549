/**
 * Tells those who wait that something may have been committed in a zone. Guarantees: hints come by the bell that all nodes
 * share, and what no hint told of is seen by looking, at the latest after {@link LOOK_MS}; however many listen, all zones of
 * a node are looked at by one statement, and none is while nobody listens.
 */
import type { Log } from '../base/log.ts';
import { listSequences } from '../features/zones/zones.sql.ts';
import type { Sql } from '../ports/sql.ts';
import type { Rings } from './rings.ts';

/** Milliseconds. Another process that shares an embedded database is seen by looking alone. */
const LOOK_MS = 150;

interface Watched {
  /** Newest number that was seen by looking. */
  seq: number;
  readonly listeners: Set<() => void>;
  readonly deafen: () => void;
}

export interface ZoneWatchParts {
  readonly sql: Sql;
  readonly rings: Rings;
  readonly log: Log;
}

/** What is rung behind each commit in a zone. */
export const zoneTopic = (zone_id: string): string => `zone ${zone_id}`;

export class ZoneWatch {
  private readonly parts: ZoneWatchParts;
  private readonly zones = new Map<string, Watched>();
  private timer: NodeJS.Timeout | undefined;

  constructor(parts: ZoneWatchParts) {
    this.parts = parts;
  }

  listen(zone_id: string, told: () => void): () => void {
    const watched = this.zones.get(zone_id) ?? this.begin(zone_id);
    watched.listeners.add(told);
    this.lookLater();
    return () => {
      watched.listeners.delete(told);
      if (watched.listeners.size > 0 || this.zones.get(zone_id) !== watched) return;
      watched.deafen();
      this.zones.delete(zone_id);
    };
  }

  private begin(zone_id: string): Watched {
    const listeners = new Set<() => void>();
    const tell = (): void => {
      for (const told of listeners) told();
    };
    const watched = { seq: -1, listeners, deafen: this.parts.rings.listen(zoneTopic(zone_id), tell) };
    this.zones.set(zone_id, watched);
    return watched;
  }

  private lookLater(): void {
    if (this.timer || this.zones.size === 0) return;
    this.timer = setTimeout(() => {
      this.look()
        .catch((thrown: unknown) => this.parts.log('debug', 'zones.not-looked-at', { err: String(thrown) }))
        .finally(() => {
          this.timer = undefined;
          this.lookLater();
        });
    }, LOOK_MS);
    this.timer.unref();
  }

  private async look(): Promise<void> {
    const zones = [...this.zones.keys()];
    for (const { zone_id, seq } of await this.parts.sql.read((tx) => listSequences(tx, zones))) {
      const watched = this.zones.get(zone_id);
      if (!watched || watched.seq === seq) continue;
      watched.seq = seq;
      for (const told of watched.listeners) told();
    }
  }
}
