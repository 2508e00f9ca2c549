/**
 * The inside of a call, run where the SQL engine is (the writing thread, the reading thread, or this process on
 * PostgreSQL): begin → authorise → run → check the result → append event and audit → commit → sync. Guarantees: a
 * change, its events and its audit row commit together or not at all; a caller whose key was revoked by a committed
 * change is refused, however early it was authenticated.
 */
import type { Fault } from '../base/faults.ts';
import type { Limits } from '../base/limits.ts';
import {
  checkUnexpired,
  foreignZone,
  isRootAdmin,
  refreshCaller,
  zoneNotFound,
} from '../features/access/credentials.ts';
import type { GrantCache } from '../features/access/grant-cache.ts';
import { accessOf, denied } from '../features/access/grants.ts';
import { checkActing } from '../features/agents/rights.ts';
import { type ChainEnd, insertAuditRows } from '../features/audit/audit.sql.ts';
import { type AppendedEvent, insertEvents } from '../features/events/events.sql.ts';
import { requireLooks } from '../features/mounts/looks.ts';
import { refuseChange, refuseReadOnlyAt } from '../features/mounts/refusals.ts';
import { settleStores } from '../features/mounts/settle.ts';
import { mountsOf, NO_MOUNTS } from '../features/mounts/zone-mounts.ts';
import { checkQuota } from '../features/zones/quota.ts';
import { findZone, keepZone, lockZone, noZone } from '../features/zones/zones.sql.ts';
import type { Blobs } from '../ports/blobs.ts';
import type { Clock } from '../ports/clock.ts';
import type { Sql, Tx, WriteHint } from '../ports/sql.ts';
import { isRefusal, partRefused } from './audit-trail.ts';
import { checkWho } from './authorise.ts';
import { type AuditKeys, type AuditRow, auditRow } from './call/audit-row.ts';
import type { JobMove, Told } from './call/told.ts';
import type { EndedSpan } from './call/tracing.ts';
import { checkDeadline } from './deadline.ts';
import type { Call, CallContext, Caller, Counter, Operation, ZoneRow } from './operation.ts';
import { tracedSql } from './traced-sql.ts';

/** Runs the transaction of a call; in this thread or in another. */
export interface Runner {
  read<I, P, O>(operation: Operation<I, O, P>, ready: P, context: CallContext): Promise<O>;
  write<I, P, O>(operation: Operation<I, O, P>, ready: P, context: CallContext): Promise<O>;
}

export interface RunnerParts {
  readonly sql: Sql;
  readonly blobs: Blobs;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly grants: GrantCache;
  readonly auditKeys: AuditKeys;
  /** Given what calls tell of, after their commit. */
  readonly told?: Told | undefined;
  /** Given the spans of transactions, of calls that are traced. */
  readonly spans?: ((span: EndedSpan) => void) | undefined;
}

/** A runner in this thread. */
export function localRunner(parts: RunnerParts): Runner {
  return {
    read: async (operation, ready, context) => {
      const result = await sqlFor(parts, operation.name, context).read((tx) =>
        runRead({ parts, operation, context, tx }, ready),
      );
      if (!operation.finish) return result;
      return operation.output.parse(await operation.finish(result, { ...parts, thread: parts }));
    },
    write: (operation, ready, context) => runDurably({ parts, operation, context }, ready),
  };
}

/** The engine as it is, unless the call is traced. */
const sqlFor = (
  { sql, spans }: RunnerParts,
  operation: string,
  { traceparent }: CallContext,
): Pick<Sql, 'read' | 'write'> =>
  traceparent === undefined || !spans ? sql : tracedSql(sql, { operation, traceparent, note: spans });

/**
 * Grants that were read beside a change which is then rolled back are not kept: its access revision will be given out
 * again, for another change.
 */
async function runDurably<I, P, O>(asked: Omit<Running<I, P, O>, 'tx'>, ready: P): Promise<O> {
  const { parts, context } = asked;
  let ran = false;
  let told: JobMove[] = [];
  try {
    const answer = await sqlFor(parts, asked.operation.name, context).write(
      context.zone_id,
      async (tx) => {
        if (ran) parts.grants.forget();
        told = [];
        const output = await runWrite({ ...asked, tx, told }, ready);
        ran = true;
        return output;
      },
      hintOf(asked, ready),
    );
    if (told.length > 0) parts.told?.(told);
    return answer;
  } catch (thrown) {
    if (ran) parts.grants.forget();
    throw thrown;
  }
}

/** What makes room goes on when the disk is full, and so does the server's own housekeeping. */
const hintOf = <I, P, O>({ operation, context }: Omit<Running<I, P, O>, 'tx'>, ready: P): WriteHint => ({
  foresight: operation.foresee?.(ready, context.zone_id),
  grows: operation.grows ?? (operation.effect === 'write' && context.channel !== 'internal'),
});

interface Running<I, P, O> {
  readonly parts: RunnerParts;
  readonly operation: Operation<I, O, P>;
  readonly context: CallContext;
  readonly tx: Tx;
  readonly told?: JobMove[];
}

async function runRead<I, P, O>(running: Running<I, P, O>, ready: P): Promise<O> {
  const { zone, context } = await beginCall(running, findZone, ready);
  const state = new CallState(zone, running.parts.clock.now());
  return runHandler({ ...running, context }, state, ready);
}

async function runWrite<I, P, O>(running: Running<I, P, O>, ready: P): Promise<O> {
  const { parts, operation, tx } = running;
  const { zone, context } = await beginCall(running, lockZone, ready);
  // Times never fall along the sequence, even if the clock is set back.
  const state = new CallState(zone, Math.max(parts.clock.now(), zone.seq_at));
  const output = await runHandler({ ...running, context }, state, ready);
  checkDeadline(context.deadline);
  if (state.changed) {
    const facts = {
      at: state.now,
      action: operation.name,
      effect: operation.effect,
      object: operation.object?.(ready) ?? '',
      outcome: 'allowed',
      code: null,
      duration_ms: Math.max(0, parts.clock.now() - state.now),
      details: state.details,
    } as const;
    state.rows.push(auditRow(facts, context.caller, context));
  }
  if (state.rows.length === 0) return output;
  // Together: on PostgreSQL that is one round trip.
  const [end] = await Promise.all([
    insertAuditRows(tx, state.rows, { zone, key: parts.auditKeys[0] }),
    insertEvents(tx, state.events, { context, at: state.now }),
  ]);
  await keepZone(tx, state.after(end));
  return output;
}

type ReadZone = typeof findZone;

interface Begun {
  readonly zone: ZoneRow;
  /** With the caller as the rows are now. */
  readonly context: CallContext;
}

/** The zone's row, Active, and the caller as the rows are now. */
async function beginCall<I, P, O>(running: Running<I, P, O>, read: ReadZone, ready: P): Promise<Begun> {
  const { operation, tx, parts } = running;
  const { zone_id } = running.context;
  checkDeadline(running.context.deadline);
  const zone = await read(tx, zone_id);
  const own = running.context.caller.zone_id === zone_id;
  const home = own ? zone : await findZone(tx, running.context.caller.zone_id);
  const caller = await currentCaller(tx, { caller: running.context.caller, home, now: parts.clock.now() });
  checkWho(operation, caller);
  if (caller.agent_id !== null) await checkActing(tx, caller);
  const context = { ...running.context, caller };
  const guest = !own && !isRootAdmin(caller);
  if (guest && context.path_prefix === '') throw foreignZone(zone_id);
  if (zone && (zone.phase === 'Active' || (operation.anyZone && !guest))) return { zone, context };
  if (!zone && operation.anyZone === 'even none' && !guest) return { zone: noZone(zone_id), context };
  // Whether the zone exists is nothing that a guest may learn.
  if (guest) throw unseen(operation, context, ready);
  throw zoneNotFound(zone_id);
}

interface Current {
  readonly caller: Caller;
  readonly home: ZoneRow | undefined;
  readonly now: number;
}

/** The caller is looked up again only if keys of its zone may have changed since it was authenticated. */
async function currentCaller(tx: Tx, { caller, home, now }: Current): Promise<Caller> {
  checkUnexpired(caller, now);
  if (!home || home.access_revision === caller.access_revision) return caller;
  return refreshCaller(tx, caller, now);
}

/** One denial for a zone that is not there and for one in which nothing is shared with the caller. */
function unseen<I, P, O>(operation: Operation<I, O, P>, context: CallContext, ready: P): Fault {
  return denied(operation.needs?.(ready)[0] ?? { permission: 'read', path: '/' }, context);
}

async function runHandler<I, P, O>(running: Running<I, P, O>, state: CallState, ready: P): Promise<O> {
  const { parts, operation, context, tx } = running;
  const { caller } = context;
  const access = accessOf({
    tx,
    zone: state.zone,
    caller,
    context,
    now: state.now,
    cache: parts.grants,
    limits: parts.limits,
  });
  if (context.path_prefix !== '' && (await access.readable()).roots.length === 0) {
    throw unseen(operation, context, ready);
  }
  const mounts = state.zone.mounts_revision === 0 ? NO_MOUNTS : await mountsOf(tx, state.zone, parts);
  const gated = mounts.length > 0 && !operation.ungated;
  const call: Call = {
    context,
    caller,
    zone: state.zone,
    tx,
    access,
    mounts,
    limits: parts.limits,
    thread: parts,
    now: state.now,
    event: (event) => {
      if (gated) refuseChange(mounts, event, call.shown);
      return state.append(event);
    },
    nextRevision: () => state.zone.seq + state.events.length + 1,
    use: (counter, by) => state.use(counter, by),
    accessChanged: () => {
      state.accessChanges = true;
    },
    refuseReadOnly: (path) => {
      if (gated) refuseReadOnlyAt(mounts, path, call.shown);
    },
    mountsChanged: (left) => {
      state.mounts = left ? 'some' : 'none';
    },
    audit: (details) => Object.assign(state.details, details),
    auditKeys: parts.auditKeys,
    partFailed: (fault) => {
      if (isRefusal(fault)) state.log([partRefused(operation, fault, { context, at: state.now })]);
    },
    log: (rows) => state.log(rows),
    tell: (move) => {
      running.told?.push(move);
    },
    shown: (path) => context.path_prefix + path,
    attempt: (work) => tx.nested(() => state.attempt(work)),
  };
  const needs = operation.needs?.(ready) ?? [];
  if (needs.length > 0) await access.require(needs);
  const reaches = gated ? (operation.reach?.(ready) ?? []) : [];
  if (gated) await requireLooks(call, { needs, reaches, changes: operation.effect !== 'read' });
  const output = await operation.run(call, ready);
  if (gated && (state.changed || context.passage?.change)) await settleStores(call, state.events);
  // What is not the answer yet is checked when it is.
  return operation.finish ? output : operation.output.parse(output);
}

/** What a running call is going to leave in its zone. */
class CallState {
  readonly zone: ZoneRow;
  readonly now: number;
  readonly details: Record<string, unknown> = {};
  readonly rows: AuditRow[] = [];
  events: AppendedEvent[] = [];
  accessChanges = false;
  /** What is left of the zone's mounts, where the call changed them. */
  mounts: 'some' | 'none' | undefined;
  private used: Record<Counter, number>;

  constructor(zone: ZoneRow, now: number) {
    this.zone = zone;
    this.now = now;
    this.used = {
      storage_bytes: zone.used_storage_bytes,
      files: zone.used_files,
      keys: zone.used_keys,
      tuples: zone.used_tuples,
    };
  }

  /** A call that appended no event changed nothing. */
  get changed(): boolean {
    return this.events.length > 0 || this.accessChanges;
  }

  append(event: AppendedEvent['event']): number {
    const seq = this.zone.seq + this.events.length + 1;
    this.events.push({ seq, event });
    return seq;
  }

  /** Times never fall along the log either. */
  log(rows: readonly AuditRow[]): void {
    for (const row of rows) this.rows.push({ ...row, at: Math.max(row.at, this.lastAt) });
  }

  private get lastAt(): number {
    return this.rows.at(-1)?.at ?? this.zone.seq_at;
  }

  use(counter: Counter, by: number): void {
    if (by > 0) checkQuota(this.zone, counter, { used: this.used[counter], by });
    this.used[counter] += by;
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
