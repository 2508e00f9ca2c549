/**
 * Calls that changed nothing, on their way into the audit log (access.md §13). Guarantees: a call is in the log within 250 ms,
 * or before its answer where the configuration wants that; memory is bounded: while more waits than it may, answers wait
 * too; what could not be written is counted, logged, and told by a row of its own once rows can be written again. What a restore
 * keeps out waits for its end, in the next server of this process too.
 */
import { Fault } from '../../base/faults.ts';
import type { Log } from '../../base/log.ts';
import { type AuditRow, auditLine, auditRow } from '../../core/call/audit-row.ts';
import { SYSTEM } from '../../features/access/credentials.ts';
import { noteReads } from '../../features/audit/notes.operations.ts';
import type { Clock } from '../../ports/clock.ts';
import { isRestoringFault } from '../backups/epochs.ts';
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
  /** What the server before this one could not write. */
  readonly left?: UnwrittenReads | undefined;
}

type Batch = Map<string, string[]>;

/** Calls that wait for the log: their lines by zone, and how many were lost that no row tells of. */
export interface UnwrittenReads {
  readonly batch: ReadonlyMap<string, readonly string[]>;
  readonly lost: number;
}

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
    this.#lost = parts.left?.lost ?? 0;
    for (const [zone_id, lines] of parts.left?.batch ?? []) this.#putBack(zone_id, lines);
    if (this.#batch.size > 0) this.#flushSoon();
  }

  note(zone_id: string, row: AuditRow): Promise<void> | undefined {
    const line = auditLine(row);
    const lines = this.#batch.get(zone_id);
    if (lines) lines.push(line);
    else this.#batch.set(zone_id, [line]);
    this.#chars += line.length;
    if (this.#parts.sync) return this.flush();
    if (this.#chars > this.#parts.waitingChars) return this.flush().catch(() => undefined);
    this.#flushSoon();
    return undefined;
  }

  /** Writes what it can, and then nothing more: what is left is for the server that takes its place. */
  async close(): Promise<UnwrittenReads> {
    await this.flush().catch(() => undefined);
    clearTimeout(this.#timer);
    return { batch: this.#batch, lost: this.#lost };
  }

  /** Before those that came since. */
  #putBack(zone_id: string, lines: readonly string[]): void {
    this.#batch.set(zone_id, lines.concat(this.#batch.get(zone_id) ?? []));
    for (const { length } of lines) this.#chars += length;
  }

  #flushSoon(): void {
    this.#timer ??= setTimeout(() => this.flush().catch(() => undefined), this.#parts.gatherMs);
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
    let rows = 0;
    let failure: { readonly reason: unknown } | undefined;
    for (const [i, [zone_id, lines]] of [...batch].entries()) {
      const one = written[i];
      if (one?.status !== 'rejected') continue;
      failure = one;
      if (this.#awaitsRestore(one.reason)) this.#putBack(zone_id, lines);
      else rows += lines.length;
    }
    if (this.#batch.size > 0) this.#flushSoon();
    if (!failure) return;
    this.#lost += rows;
    if (rows > 0) this.#parts.log('error', 'audit.lost', { rows, err: String(failure.reason) });
    throw failure.reason;
  }

  /** It ends soon, and the log is none of what it replaces. Whoever waits for the row was refused. */
  #awaitsRestore(reason: unknown): boolean {
    return isRestoringFault(reason) && !this.#parts.sync && this.#chars <= this.#parts.waitingChars;
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
