/**
 * Calls that changed nothing, on their way into the audit log (access.md §13). Guarantees: a call is in the log within 250 ms,
 * or before its answer where the configuration wants that; memory is bounded: while more waits than it may, answers wait
 * too; what could not be written is counted, logged, and told by a row of its own once rows can be written again.
 */
import { Fault } from '../../base/faults.ts';
import type { Log } from '../../base/log.ts';
import { type AuditRow, auditLine, auditRow } from '../../core/call/audit-row.ts';
import { SYSTEM } from '../../features/access/credentials.ts';
import { noteReads } from '../../features/audit/notes.operations.ts';
import type { Clock } from '../../ports/clock.ts';
import type { RunStep } from '../system.ts';

export interface ReadBatchesParts {
  readonly step: RunStep;
  readonly clock: Clock;
  readonly log: Log;
  /** Answers wait until their call is in the log. */
  readonly sync: boolean;
  /** How long calls are gathered, in milliseconds. */
  readonly gatherMs: number;
  /** Characters that wait at most before answers wait. */
  readonly waitingChars: number;
  /** NEXUS_AUDIT_READ_BYTES. */
  readonly bytes: number;
}

type Batch = Map<string, string[]>;

export class ReadBatches {
  readonly #parts: ReadBatchesParts;
  #batch: Batch = new Map();
  #chars = 0;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  /** The batch after the one that is being written; resolves when that is done too. */
  #next: Promise<void> | undefined;
  #lost = 0;

  constructor(parts: ReadBatchesParts) {
    this.#parts = parts;
  }

  note(zone_id: string, row: AuditRow): Promise<void> | undefined {
    const line = auditLine(row);
    const lines = this.#batch.get(zone_id);
    if (lines) lines.push(line);
    else this.#batch.set(zone_id, [line]);
    this.#chars += line.length;
    if (this.#parts.sync) return this.flush();
    if (this.#chars > this.#parts.waitingChars) return this.flush().catch(() => undefined);
    this.#timer ??= setTimeout(() => this.flush().catch(() => undefined), this.#parts.gatherMs);
    return undefined;
  }

  /** Writes all that was noted before; fails where it could not be written. */
  flush(): Promise<void> {
    if (this.#batch.size === 0) return this.#next ?? this.#writing ?? Promise.resolve();
    if (!this.#writing) return this.#begin();
    // Whatever is noted until the one before is done goes along.
    const before = this.#writing;
    this.#next ??= before.catch(() => undefined).then(() => this.#begin());
    return this.#next;
  }

  #begin(): Promise<void> {
    clearTimeout(this.#timer);
    const batch = this.#batch;
    this.#timer = undefined;
    this.#next = undefined;
    this.#batch = new Map();
    this.#chars = 0;
    const writing = this.#write(batch).finally(() => {
      if (this.#writing === writing) this.#writing = undefined;
    });
    this.#writing = writing;
    return writing;
  }

  async #write(batch: Batch): Promise<void> {
    const told = this.#lost;
    const writes = [...batch].map(([zone_id, lines]) => this.#writeZone(zone_id, lines));
    if (told > 0) writes.push(this.#tellLost(told));
    const written = await Promise.allSettled(writes);
    const rows = [...batch.values()].reduce(
      (sum, { length }, i) => sum + (written[i]?.status === 'rejected' ? length : 0),
      0,
    );
    if (rows === 0) return;
    this.#lost += rows;
    const reason = written.find((one) => one.status === 'rejected')?.reason;
    this.#parts.log('error', 'audit.lost', { rows, err: String(reason) });
    throw reason;
  }

  /** What was asked of a zone that never was stands in the log of the server itself. */
  async #writeZone(zone_id: string, all: readonly string[]): Promise<void> {
    const { step, bytes } = this.#parts;
    const lines = all.join('\n');
    try {
      await step(noteReads, zone_id, { lines, bytes });
    } catch (thrown) {
      if (!(thrown instanceof Fault && thrown.code === 'ZONE_NOT_FOUND')) throw thrown;
      await step(noteReads, 'root', { lines, bytes });
    }
  }

  /** A row about rows that there are not. */
  async #tellLost(rows: number): Promise<void> {
    const facts = { action: 'audit.lost', effect: 'write', object: '', outcome: 'failed', code: null } as const;
    const way = { channel: 'internal', request_id: '', address: null };
    const at = this.#parts.clock.now();
    await this.#writeZone('root', [
      auditLine(auditRow({ ...facts, at, duration_ms: 0, details: { rows } }, SYSTEM, way)),
    ]);
    this.#lost -= rows;
  }
}
