/**
 * The newest part of a zone's log in memory, read once for all who listen to the zone on this node. Guarantees: what it
 * holds is the log, in order and without a gap, from its oldest event to its newest; however many listen, an event is read
 * once and written as JSON once for all who see it alike; memory is bounded, and nothing is kept where nobody listens.
 */
import type { Streaming } from '../../core/operation.ts';
import type { EventRow } from '../events/events.sql.ts';
import { listEvents } from '../events/reading.sql.ts';
import { findZone } from '../zones/zones.sql.ts';
import { eventLine } from './event-line.ts';

/** Bytes of events that are kept, roughly; rows of one statement. */
const KEPT_BYTES = 4 * 1024 * 1024;
const ROWS = 500;
/** Bytes of a row beside its texts. */
const ROW_BYTES = 256;

/** An event, and how many bytes of the log came before it and with it since the zone was first listened to. */
export interface Kept {
  readonly row: EventRow;
  readonly until: number;
}

type Reading = Pick<Streaming, 'sql' | 'watch'>;

export class LiveZone {
  readonly zone_id: string;
  private readonly reading: Reading;
  private kept: Kept[] = [];
  private first = 0;
  private newest = -1;
  private bytes = 0;
  private readonly lines = new WeakMap<EventRow, string>();
  /** What listeners share until more events come. */
  readonly shared = new Map<string, unknown>();
  private readonly waiting = new Set<() => void>();
  private readonly grown = new Set<() => void>();
  private unwatch: (() => void) | undefined;
  private pulling: Promise<void> | undefined;
  private again = false;

  constructor(zone_id: string, reading: Reading) {
    this.zone_id = zone_id;
    this.reading = reading;
  }

  /** Number of the newest event that is known; below 0 until it is. */
  get head(): number {
    return this.newest;
  }

  /** Bytes of the events behind a number. */
  bytesBehind(after: number): number {
    const [next] = this.behind(after);
    return next ? this.bytes - next.until + sizeOf(next.row) : 0;
  }

  /** Begins, or sees what has come since; resolves when the head is known. */
  async start(): Promise<void> {
    if (this.unwatch) return this.pulling;
    this.unwatch = this.reading.watch(() => this.pull());
    this.pull();
    await this.pulling;
  }

  stop(): void {
    this.unwatch?.();
    this.unwatch = undefined;
  }

  /** Are all events behind this number in memory? */
  covers(after: number): boolean {
    return after >= this.first && after <= this.newest;
  }

  /** The events behind a number that is covered. */
  *behind(after: number): Generator<Kept> {
    let low = 0;
    let high = this.kept.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.kept[middle]?.row.seq ?? 0) <= after) low = middle + 1;
      else high = middle;
    }
    for (let i = low; i < this.kept.length; i++) yield this.kept[i]!;
  }

  /** The line of an event as it is seen by those who see all of it. */
  lineOf(row: EventRow): string {
    const known = this.lines.get(row);
    if (known !== undefined) return known;
    const line = eventLine(row);
    this.lines.set(row, line);
    return line;
  }

  /** Calls `told` each time that events have come. */
  onGrowth(told: () => void): () => void {
    this.grown.add(told);
    return () => this.grown.delete(told);
  }

  /** Resolves when there is an event behind this number, or the signal is aborted. */
  async next(after: number, signal: AbortSignal): Promise<void> {
    while (this.newest <= after && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const go = (): void => {
          this.waiting.delete(go);
          signal.removeEventListener('abort', go);
          resolve();
        };
        this.waiting.add(go);
        signal.addEventListener('abort', go);
      });
    }
  }

  private pull(): void {
    this.again = true;
    this.pulling ??= this.pullAll()
      // What failed is tried again at the next hint or look.
      .catch(() => undefined)
      .finally(() => {
        this.pulling = undefined;
      });
  }

  private async pullAll(): Promise<void> {
    while (this.again) {
      this.again = false;
      const { newest } = this;
      const rows = await this.read();
      this.again ||= rows.length === ROWS;
      for (const row of rows) this.keep(row);
      if (this.newest === newest) continue;
      this.forgetOldest();
      this.shared.clear();
      for (const told of this.grown) told();
      for (const go of [...this.waiting]) go();
    }
  }

  /** What is behind the newest; at first only which that is. */
  private async read(): Promise<EventRow[]> {
    const { zone_id } = this;
    return this.reading.sql.read(async (tx) => {
      if (this.newest < 0) {
        this.newest = (await findZone(tx, zone_id))?.seq ?? 0;
        this.first = this.newest;
        return [];
      }
      const bounds = { first: this.newest + 1, last: Number.MAX_SAFE_INTEGER, newestFirst: false, rows: ROWS };
      return listEvents(tx, { zone_id, ...bounds });
    });
  }

  private keep(row: EventRow): void {
    this.bytes += sizeOf(row);
    this.newest = row.seq;
    this.kept.push({ row, until: this.bytes });
  }

  private forgetOldest(): void {
    const from = this.bytes - KEPT_BYTES;
    if ((this.kept[0]?.until ?? from) >= from) return;
    const stays = this.kept.findIndex(({ until }) => until >= from);
    this.first = this.kept[stays - 1]?.row.seq ?? this.first;
    this.kept = this.kept.slice(stays);
  }
}

const sizeOf = ({ path, old_path, data }: EventRow): number =>
  ROW_BYTES + 2 * path.length + 2 * (old_path?.length ?? 0) + data.length;

/** The zones that are listened to on each node, with how many do. */
const nodes = new WeakMap<object, Map<string, { readonly live: LiveZone; listeners: number }>>();

/** The zone's part in memory, for one more listener; `leave` when he is gone. */
export async function joinZone(streaming: Streaming): Promise<{ readonly live: LiveZone; readonly leave: () => void }> {
  const { node, context } = streaming;
  const { zone_id } = context;
  const zones = nodes.get(node) ?? new Map();
  nodes.set(node, zones);
  const shared = zones.get(zone_id) ?? { live: new LiveZone(zone_id, streaming), listeners: 0 };
  zones.set(zone_id, shared);
  shared.listeners++;
  await shared.live.start();
  return {
    live: shared.live,
    leave: () => {
      shared.listeners--;
      if (shared.listeners > 0) return;
      shared.live.stop();
      zones.delete(zone_id);
    },
  };
}
