/**
 * A call while its handler runs, and what it is going to leave in its zone. Guarantees: what an attempt that failed had said is
 * taken back with its rows; times never fall along the log.
 */
import type { Fault } from '../base/faults.ts';
import type { Limits } from '../base/limits.ts';
import type { ChainEnd } from '../features/audit/audit.sql.ts';
import type { AppendedEvent } from '../features/events/events.sql.ts';
import { refuseChange, refuseReadOnlyAt } from '../features/mounts/refusals.ts';
import { checkQuota } from '../features/zones/quota.ts';
import type { Tx } from '../ports/sql.ts';
import { isRefusal, partRefused } from './audit-trail.ts';
import type { Access, Need } from './call/access.ts';
import type { AuditKeys, AuditRow } from './call/audit-row.ts';
import type { MountPoint } from './call/outside.ts';
import type { JobMove } from './call/told.ts';
import type { AnyOperation, Call, CallContext, Caller, Counter, Thread, ZoneRow } from './operation.ts';

/** Where a call runs, and what. */
export interface Scene {
  readonly parts: Thread & { readonly limits: Limits; readonly auditKeys: AuditKeys };
  readonly operation: Pick<AnyOperation, 'name' | 'effect' | 'ungated'>;
  readonly context: CallContext;
  readonly tx: Tx;
  readonly told: JobMove[] | undefined;
}

export interface Holding {
  readonly state: CallState;
  readonly access: Access;
  readonly mounts: readonly MountPoint[];
}

export class RunningCall implements Call {
  readonly context: CallContext;
  readonly caller: Caller;
  readonly zone: ZoneRow;
  readonly tx: Tx;
  readonly access: Access;
  readonly mounts: readonly MountPoint[];
  readonly limits: Limits;
  readonly thread: Thread;
  readonly now: number;
  readonly auditKeys: AuditKeys;
  /** Mounts have their say in it. */
  readonly gated: boolean;
  /** Handed on by itself. */
  readonly shown = (path: string): string =>
    // The root of another zone has no slash behind its prefix.
    path === '/' && this.context.path_prefix !== '' ? this.context.path_prefix : this.context.path_prefix + path;
  private readonly operation: Scene['operation'];
  private readonly told: JobMove[] | undefined;
  private readonly state: CallState;

  constructor({ parts, operation, context, tx, told }: Scene, { state, access, mounts }: Holding) {
    this.context = context;
    this.caller = context.caller;
    this.zone = state.zone;
    this.tx = tx;
    this.access = access;
    this.mounts = mounts;
    this.limits = parts.limits;
    this.thread = parts;
    this.now = state.now;
    this.auditKeys = parts.auditKeys;
    this.gated = mounts.length > 0 && !operation.ungated;
    this.operation = operation;
    this.told = told;
    this.state = state;
  }

  event(event: AppendedEvent['event']): number {
    if (this.gated) refuseChange(this.mounts, event, this.shown);
    return this.state.append(event);
  }

  nextRevision(): number {
    return this.state.nextSequence;
  }

  use(counter: Counter, by: number): void {
    this.state.use(counter, by);
  }

  reserve(bytes: number): void {
    this.state.reserved = bytes;
  }

  accessChanged(): void {
    this.state.accessChanges = true;
  }

  refuseReadOnly(path: string): void {
    if (this.gated) refuseReadOnlyAt(this.mounts, path, this.shown);
  }

  mountsChanged(left: boolean): void {
    this.state.mounts = left ? 'some' : 'none';
  }

  audit(details: Readonly<Record<string, unknown>>): void {
    Object.assign(this.state.details, details);
  }

  partFailed(fault: Fault): void {
    if (!isRefusal(fault)) return;
    this.state.log([partRefused(this.operation, fault, { context: this.context, at: this.now })]);
  }

  log(rows: readonly AuditRow[]): number {
    return this.state.log(rows);
  }

  tell(move: JobMove): void {
    this.told?.push(move);
  }

  attempt<T>(work: () => Promise<T>): Promise<T> {
    return this.tx.nested(() => this.state.attempt(work));
  }

  weigh<T>(work: () => Promise<T>): Promise<T> {
    return this.state.attempt(work);
  }
}

/** What a running call is going to leave in its zone. */
export class CallState {
  readonly zone: ZoneRow;
  readonly now: number;
  readonly details: Record<string, unknown> = {};
  readonly rows: AuditRow[] = [];
  /** What was needed of its caller, and he had. */
  readonly met: Need[] = [];
  events: AppendedEvent[] = [];
  accessChanges = false;
  /** What is left of the zone's mounts, where the call changed them. */
  mounts: 'some' | 'none' | undefined;
  /** Bytes that open uploads are to have, where the zone has a limit on its storage. */
  reserved = 0;
  private readonly before: Readonly<Record<Counter, number>>;
  private used: Record<Counter, number>;

  constructor(zone: ZoneRow, now: number) {
    this.zone = zone;
    this.now = now;
    this.before = {
      storage_bytes: zone.used_storage_bytes,
      files: zone.used_files,
      keys: zone.used_keys,
      tuples: zone.used_tuples,
    };
    this.used = { ...this.before };
  }

  /** A call that appended no event changed nothing. */
  get changed(): boolean {
    return this.events.length > 0 || this.accessChanges;
  }

  get nextSequence(): number {
    return this.zone.seq + this.events.length + 1;
  }

  append(event: AppendedEvent['event']): number {
    const seq = this.nextSequence;
    this.events.push({ seq, event });
    return seq;
  }

  /** Times never fall along the log either. Rows are numbered in this order at the end. */
  log(rows: readonly AuditRow[]): number {
    const first = this.zone.audit_seq + this.rows.length + 1;
    for (const row of rows) this.rows.push({ ...row, at: Math.max(row.at, this.lastAt) });
    return first;
  }

  private get lastAt(): number {
    return this.rows.at(-1)?.at ?? this.zone.seq_at;
  }

  use(counter: Counter, by: number): void {
    const used = this.used[counter];
    // What takes the place of what the call has given up grows nothing, and passes above the limit too.
    const beside = counter === 'storage_bytes' ? this.reserved : 0;
    if (by > 0 && used + by > this.before[counter]) checkQuota(this.zone, counter, { used: used + beside, by });
    this.used[counter] = used + by;
  }

  /** Events and counters go back with the savepoint. */
  async attempt<T>(work: () => Promise<T>): Promise<T> {
    const before = { events: this.events.length, used: { ...this.used }, access: this.accessChanges };
    try {
      return await work();
    } catch (thrown) {
      this.events = this.events.slice(0, before.events);
      this.used = before.used;
      this.accessChanges = before.access;
      throw thrown;
    }
  }

  private get mountsRevision(): number {
    if (!this.mounts) return this.zone.mounts_revision;
    return this.mounts === 'none' ? 0 : this.zone.seq + this.events.length;
  }

  after(end: ChainEnd): ZoneRow {
    return {
      ...this.zone,
      seq: this.zone.seq + this.events.length,
      seq_at: this.lastAt,
      access_revision: this.zone.access_revision + (this.accessChanges ? 1 : 0),
      ...end,
      mounts_revision: this.mountsRevision,
      used_storage_bytes: this.used.storage_bytes,
      used_files: this.used.files,
      used_keys: this.used.keys,
      used_tuples: this.used.tuples,
    };
  }
}
