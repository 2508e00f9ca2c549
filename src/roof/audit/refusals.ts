/**
 * Refusals, on their way into the audit log (access.md §13). Guarantees: one is on disk before it is answered; those that come
 * while others are being written go together, equal ones as a count, so that a flood of them costs a few statements a
 * commit; what is held here are the requests that wait for their answer. Where the log cannot be written the caller is
 * refused all the same, and the refusal goes to the log of the process.
 */
import { hash } from 'node:crypto';
import { Fault } from '../../base/faults.ts';
import type { Log } from '../../base/log.ts';
import type { AuditRow } from '../../core/call/audit-row.ts';
import { closeRefusals, FOLD_MS, noteRefusals } from '../../features/audit/notes.operations.ts';
import type { RunStep } from '../system.ts';

interface Waiting {
  readonly row: AuditRow;
  count: number;
}

/** By what makes refusals equal. */
type Folded = Map<string, Waiting>;

interface Zone {
  waiting: Folded;
  writing: Promise<void> | undefined;
  /** Writes what waits once the ones before are written. */
  next: Promise<void> | undefined;
  closing: NodeJS.Timeout | undefined;
}

export class Refusals {
  readonly #step: RunStep;
  readonly #log: Log;
  readonly #zones = new Map<string, Zone>();

  constructor(step: RunStep, log: Log) {
    this.#step = step;
    this.#log = log;
  }

  /** Resolves when the refusal may be answered. */
  note(zone_id: string, row: AuditRow): Promise<void> {
    const zone = this.#zoneOf(zone_id);
    const fold = foldOf(row);
    const same = zone.waiting.get(fold);
    if (same) same.count++;
    else zone.waiting.set(fold, { row, count: 1 });
    zone.next ??= (zone.writing ?? Promise.resolve()).then(() => this.#write(zone_id, zone));
    return zone.next;
  }

  /** Writes what is counted into the logs of the zones; in one that is named, what other nodes count too. */
  async close(named?: string): Promise<void> {
    if (named !== undefined) this.#zoneOf(named);
    const closing = [...this.#zones].map(async ([zone_id, zone]) => {
      await zone.next;
      await this.#close(zone_id, zone, true);
    });
    await Promise.all(closing);
  }

  #zoneOf(zone_id: string): Zone {
    const known = this.#zones.get(zone_id);
    if (known) return known;
    const zone: Zone = { waiting: new Map(), writing: undefined, next: undefined, closing: undefined };
    this.#zones.set(zone_id, zone);
    return zone;
  }

  async #write(zone_id: string, zone: Zone): Promise<void> {
    const refusals = [...zone.waiting].map(([fold, { row, count }]) => ({ fold, row, count }));
    zone.waiting = new Map();
    zone.writing = zone.next;
    zone.next = undefined;
    try {
      await this.#step(noteRefusals, zone_id, { refusals });
    } catch (thrown) {
      this.#log('error', 'audit.refusals-lost', { zone: zone_id, refusals, err: String(thrown) });
    }
    if (!zone.next) zone.writing = undefined;
    this.#closeLater(zone_id, zone);
  }

  #closeLater(zone_id: string, zone: Zone): void {
    zone.closing ??= setTimeout(() => this.#close(zone_id, zone, false), FOLD_MS);
  }

  /** Those whose second is over, or all. A zone without any is forgotten. */
  async #close(zone_id: string, zone: Zone, all: boolean): Promise<void> {
    clearTimeout(zone.closing);
    zone.closing = undefined;
    try {
      if (await this.#step(closeRefusals, zone_id, { all })) this.#closeLater(zone_id, zone);
    } catch (thrown) {
      // They stay counted, and the next pass over all zones takes them; a zone that never was has none.
      const none = thrown instanceof Fault && thrown.code === 'ZONE_NOT_FOUND';
      if (!none) this.#log('warn', 'audit.close-failed', { zone: zone_id, err: thrown });
    }
    if (!zone.next && !zone.writing && !zone.closing) this.#zones.delete(zone_id);
  }
}

/** Who was refused what, and why; not where it came in, when, and under which id. */
const foldOf = ({ actor, key_id, agent_id, action, object, code, channel, details }: AuditRow): string =>
  hash('sha256', JSON.stringify([actor, key_id, agent_id, action, object, code, channel, details]), 'base64url');
