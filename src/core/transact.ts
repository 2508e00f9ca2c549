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
import { CallerAccess, denied } from '../features/access/grants.ts';
import { checkActing } from '../features/agents/rights.ts';
import { refuseAnswered, rememberAnswer } from '../features/answers/answers.operations.ts';
import { insertAuditRows } from '../features/audit/audit.sql.ts';
import { insertEvents } from '../features/events/events.sql.ts';
import { requireLooks } from '../features/mounts/looks.ts';
import { settleStores } from '../features/mounts/settle.ts';
import { mountsOf, NO_MOUNTS } from '../features/mounts/zone-mounts.ts';
import { reservedBytes } from '../features/zones/usage.sql.ts';
import { findZone, keepZone, lockZone, noZone } from '../features/zones/zones.sql.ts';
import type { Blobs } from '../ports/blobs.ts';
import type { Clock } from '../ports/clock.ts';
import type { Sql, Tx, WriteHint } from '../ports/sql.ts';
import { checkWho } from './authorise.ts';
import { type AuditKeys, auditRow } from './call/audit-row.ts';
import { doerOf } from './call/doer.ts';
import type { JobMove, Told } from './call/told.ts';
import type { EndedSpan } from './call/tracing.ts';
import { checkDeadline } from './deadline.ts';
import type { CallContext, Caller, Operation, ZoneRow } from './operation.ts';
import { CallState, RunningCall } from './running-call.ts';
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
  const beginning = beginCall(running, lockZone, ready);
  operation.ahead?.(tx, ready, running.context);
  const { zone, context } = await beginning;
  // Times never fall along the sequence, even if the clock is set back.
  const state = new CallState(zone, Math.max(parts.clock.now(), zone.seq_at));
  if (context.repeat) await refuseAnswered(tx, context, state.now);
  const output = await runHandler({ ...running, context }, state, ready);
  // It has not taken place: it is prepared again, and whoever asks for it again must find nothing of this try.
  if (operation.stale?.(output)) return output;
  if (context.repeat) {
    // A call that changed who may what is asked for again by somebody who may less by that alone: a rename takes grants along.
    const needs = state.accessChanges ? [] : state.met;
    await rememberAnswer(tx, { context, operation, output, needs, now: state.now, limits: parts.limits });
  }
  checkDeadline(context.deadline);
  if (state.changed) {
    const facts = {
      zone_id: context.zone_id,
      at: state.now,
      action: operation.name,
      effect: operation.effect,
      object: operation.object?.(ready) ?? '',
      outcome: 'allowed',
      code: null,
      duration_ms: Math.max(0, parts.clock.now() - state.now),
      details: state.details,
    } as const;
    state.rows.push(auditRow(facts, doerOf(context), context));
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
  const current = currentCaller(tx, { caller: running.context.caller, home, now: parts.clock.now() });
  const caller = current instanceof Promise ? await current : current;
  checkWho(operation, caller, running.context.channel);
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
function currentCaller(tx: Tx, { caller, home, now }: Current): Caller | Promise<Caller> {
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
  const { zone, now } = state;
  const question = { tx, zone, caller, context, now, cache: parts.grants, limits: parts.limits };
  const access = new CallerAccess(question, context.repeat && state.met);
  if (context.path_prefix !== '' && (await access.readable()).roots.length === 0) {
    throw unseen(operation, context, ready);
  }
  const mounts = state.zone.mounts_revision === 0 ? NO_MOUNTS : await mountsOf(tx, state.zone, parts);
  const call = new RunningCall({ parts, operation, context, tx, told: running.told }, { state, access, mounts });
  const needs = operation.needs?.(ready) ?? [];
  if (needs.length > 0) await access.require(needs);
  const { gated } = call;
  const reaches = gated ? (operation.reach?.(ready) ?? []) : [];
  if (gated) await requireLooks(call, { needs, reaches, changes: operation.effect !== 'read' });
  // The server's own steps store no files, but for those that say that they add to the store.
  if (operation.grows ?? (operation.effect !== 'read' && !operation.internal))
    call.reserve(await reservedBytes(tx, zone));
  const output = await operation.run(call, ready);
  if (gated && (state.changed || context.passage?.change)) await settleStores(call, state.events);
  // What is not the answer yet is checked when it is.
  return operation.finish ? output : operation.output.parse(output);
}
