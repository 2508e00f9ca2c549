/**
 * What a call that ended leaves in the audit log beside what its transaction wrote (access.md §13). Guarantees: a refusal is in
 * the log before it is answered, in the zone of whoever was refused; a credential is told by 8 digits of its hash, and
 * what was read or written never is.
 */
import type { Fault, FaultData } from '../base/faults.ts';
import {
  ANYONE,
  hashKey,
  hashPrefix,
  isExpired,
  type Refused,
  type RefusedFor,
} from '../features/access/credentials.ts';
import { type AuditFacts, type AuditLog, type AuditRow, auditRow } from './call/audit-row.ts';
import type { AnyOperation, CallContext, Caller } from './operation.ts';

/** How a request came in. */
export interface Way {
  readonly channel: string;
  readonly request_id: string;
  readonly address: string | null;
  /** Route template of an HTTP door. */
  readonly endpoint?: (() => string) | undefined;
}

/** By what it is known if it is asked for again, and who is told that it was (core/repeat.ts). */
export interface Again {
  readonly idempotency_key?: string | undefined;
  readonly replayed?: (() => void) | undefined;
}

/** A call that ended, as far as it got. */
export interface Trail {
  readonly operation: AnyOperation;
  readonly caller: Caller | undefined;
  readonly way: Way & Again;
  /** Of the monotonic clock, in milliseconds. */
  readonly began: number;
  context?: CallContext;
  input?: unknown;
  ready?: unknown;
  /** To be called when it has ended, of a call of a brick. */
  leave?: () => void;
}

/** A call that may have changed nothing, and was not refused. */
export function logEnded(audit: AuditLog, trail: Trail, fault?: Fault): Promise<void> | undefined {
  const { operation, caller = ANYONE, context } = trail;
  const zone_id = context?.zone_id ?? caller.zone_id;
  const ended = { outcome: fault ? 'failed' : 'allowed', code: fault?.code ?? null } as const;
  const facts = { ...factsOf(audit, trail), ...ended, zone_id, action: operation.name };
  return audit.ended(zone_id, auditRow(facts, context?.caller ?? caller, trail.way));
}

/** A call that failed: at once in the log where it was refused, else with those that changed nothing. */
export async function logFailure(audit: AuditLog, trail: Trail, fault: Fault): Promise<void> {
  const { operation, caller = ANYONE, context } = trail;
  const who = context?.caller ?? caller;
  if (fault.code === 'UNAUTHENTICATED') return logCredential(audit, trail, fault);
  if (!isRefusal(fault)) {
    // Nobody who is answered that something went wrong has to wait for it, whatever the configuration says.
    await logEnded(audit, trail, fault)?.catch(() => undefined);
    return;
  }
  const tooLow = 'required_role' in fault.data || 'required_mode' in fault.data;
  const quota = fault.code === 'QUOTA_EXCEEDED';
  const zone_id = quota && context ? context.zone_id : who.zone_id;
  const facts = { ...factsOf(audit, trail), zone_id, outcome: 'denied', code: fault.code } as const;
  const row = auditRow(
    tooLow
      ? { ...facts, action: 'auth_denied', object: operation.name, details: arrivalDetails(who, trail.way, fault.data) }
      : { ...facts, action: operation.name, object: pathIn(fault.data) ?? facts.object, details: told(fault.data) },
    who,
    trail.way,
  );
  await audit.refused(zone_id, row);
}

/** A part of a call that was refused while the call goes on. */
export const partRefused = (
  { name, effect }: Pick<AnyOperation, 'name' | 'effect'>,
  { code, data }: Fault,
  { context, at }: { readonly context: CallContext; readonly at: number },
): AuditRow => {
  const facts = { at, zone_id: context.zone_id, action: name, effect, object: pathIn(data) ?? '', duration_ms: 0 };
  const details = { ...told(data), count: 1 };
  return auditRow({ ...facts, outcome: 'denied', code, details }, context.caller, context);
};

/** Is it a refusal, of a right or of a quota? */
export const isRefusal = ({ code }: Fault): boolean => code === 'ACCESS_DENIED' || code === 'QUOTA_EXCEEDED';

/** A credential that was presented and does not work, seen by a call: the one in its body, where it has one. */
async function logCredential(audit: AuditLog, trail: Trail, fault: Fault): Promise<void> {
  const { operation, caller, way, input } = trail;
  const presented = input === undefined ? undefined : operation.presents?.(input);
  if (presented !== undefined) {
    const prefix = hashPrefix(hashKey(presented));
    return logBadCredential(audit, { reason: 'unknown', owner: undefined, prefix }, way);
  }
  if (!caller) return;
  const reason = whyNow(trail, { fault, caller, now: audit.now() });
  await logBadCredential(audit, { reason, owner: caller, prefix: caller.key_hash_prefix }, way);
}

interface Seen {
  readonly fault: Fault;
  readonly caller: Caller;
  readonly now: number;
}

/** Why a credential with which the call came in does not do. */
function whyNow({ ready }: Trail, { fault, caller, now }: Seen): RefusedFor {
  const ended = Math.min(caller.expires_at ?? Infinity, caller.token?.expires_at ?? Infinity);
  if (ended <= now || isExpired(fault)) return 'expired';
  // Rows are looked at by its transaction; before that only the kind of the credential can be wrong.
  return ready === undefined ? 'invalid_token' : 'revoked';
}

export interface BadCredential extends Refused {
  readonly prefix: string | null;
}

export function logBadCredential(audit: AuditLog, bad: BadCredential, way: Way): Promise<void> {
  const { reason, owner = ANYONE, prefix } = bad;
  const details = arrivalDetails({ key_hash_prefix: prefix, role: owner === ANYONE ? null : owner.role, reason }, way);
  const facts = { at: audit.now(), action: 'auth_failure', effect: 'read', object: '', duration_ms: 0 };
  const row = auditRow({ ...facts, outcome: 'failed', code: 'UNAUTHENTICATED', details }, owner, way);
  return audit.refused(owner.zone_id, row);
}

/** A credential that works was presented. */
export function logArrival(audit: AuditLog, caller: Caller, way: Way): Promise<void> | undefined {
  const details = arrivalDetails(caller, way);
  const facts = { at: audit.now(), action: 'auth_success', effect: 'read', object: '', duration_ms: 0 };
  return audit.ended(caller.zone_id, auditRow({ ...facts, outcome: 'allowed', code: null, details }, caller, way));
}

function factsOf(
  audit: AuditLog,
  trail: Trail,
): Pick<AuditFacts, 'at' | 'effect' | 'object' | 'duration_ms' | 'details'> {
  return {
    at: audit.now(),
    effect: trail.operation.effect,
    object: objectOf(trail),
    duration_ms: Math.round(performance.now() - trail.began),
    details: {},
  };
}

/** What the call was about: what it names itself, else the first thing that it needs a permission on. */
function objectOf({ operation, ready }: Trail): string {
  if (ready === undefined) return '';
  return operation.object?.(ready) ?? operation.needs?.(ready)[0]?.path ?? '';
}

const pathIn = ({ path }: FaultData): string | undefined => (typeof path === 'string' ? path : undefined);

interface ArrivalFacts {
  readonly key_hash_prefix: string | null;
  readonly role: string | null;
  readonly reason?: RefusedFor;
}

/** Details of the rows about credentials: always the same fields (infrastructure.md §4), null where there is nothing. */
const arrivalDetails = (
  { key_hash_prefix, role, reason }: ArrivalFacts,
  { endpoint }: Way,
  { required_role, required_mode }: FaultData = {},
): AuditFacts['details'] => ({
  key_hash_prefix,
  role,
  required_role: required_role ?? null,
  required_mode: required_mode ?? null,
  endpoint: endpoint?.() ?? null,
  reason: reason ?? null,
});

/** What of a refusal is told: which right, which zone, which quota; the paths that were tried are for the caller only. */
const TOLD = ['permission', 'missing', 'zone_id', 'quota', 'limit', 'used', 'requested'];

const told = (data: FaultData): AuditFacts['details'] =>
  Object.fromEntries(TOLD.flatMap((name) => (name in data ? [[name, data[name]]] : [])));
