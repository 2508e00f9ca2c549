/**
 * Decisions of governance as the audit log has them (corpus.md §12). Guarantees: a decision and what was decided on commit
 * together; of the text a row keeps its hash and, where it was not made from documents, how it begins.
 */
import { isoTime } from '../../../base/clock.ts';
import { Fault } from '../../../base/faults.ts';
import { parseJson } from '../../../base/parse-json.ts';
import { type AuditRow, auditRow } from '../../../core/call/audit-row.ts';
import type { Switches } from '../../../core/call/switches.ts';
import type { Mode } from '../../../core/call/tokens.ts';
import type { Call } from '../../../core/operation.ts';
import { requireMode } from '../../access/modes.ts';
import type { StoredRow } from '../../audit/audit.sql.ts';
import { entryId } from '../../audit/entries.ts';
import { firstCharacters } from '../text/rules.ts';
import type { Decision, DecisionTrace, Policy } from './evaluate.ts';
import { findPolicy } from './policies.sql.ts';

export const EVALUATE = 'governance.evaluate';

/** ACCESS_DENIED where the caller may not use the mode, BAD_REQUEST where there is no policy for it. */
export async function getPolicy(
  { tx, caller }: Pick<Call, 'tx' | 'caller'>,
  mode: Mode,
  switches: Switches,
): Promise<Policy> {
  await requireMode(tx, mode, { caller, switches });
  const policy = await findPolicy(tx, mode);
  if (policy) return policy;
  throw new Fault('BAD_REQUEST', `Policy for mode ${mode} not found`);
}

/** A decision on its way into the log. */
export interface Judged {
  readonly decision: Decision;
  readonly input_hash: string;
  /** How the text begins; null where it was made from documents. */
  readonly input_preview: string | null;
}

const PREVIEW_CHARACTERS = 240;
export const previewOf = (text: string): string => firstCharacters(text, PREVIEW_CHARACTERS);

/** Whose decisions are: nobody's in particular. */
const SYSTEM = { subject_type: 'system', subject_id: '', key_id: null, agent_id: null };

/** Puts a decision into the log, in the transaction of what was decided on; gives its id. */
export function logDecision(call: Pick<Call, 'context' | 'log' | 'now' | 'zone'>, judged: Judged): string {
  const { decision, ...input } = judged;
  const { allow, policy_hits, decision_trace } = decision;
  const details = {
    ...input,
    mode: decision_trace.mode,
    policy_version: decision_trace.policy_version,
    allow,
    policy_hits,
    redactions: policy_hits,
    decision_trace,
  };
  const facts = {
    action: EVALUATE,
    effect: 'read',
    object: '',
    outcome: 'allowed',
    code: null,
    duration_ms: 0,
  } as const;
  const n = call.log([auditRow({ ...facts, at: call.now, details }, SYSTEM, call.context)]);
  return entryId(call.zone.zone_id, { log: 'changes', n });
}

/** What a row says of a decision; what somebody changed in it may be missing. */
interface Details {
  readonly mode: Mode;
  readonly allow: boolean;
  readonly policy_hits: string[];
  readonly redactions: string[];
  readonly decision_trace: DecisionTrace;
}

export interface ListedDecision extends Details {
  readonly id: string;
  readonly audit_id: string;
  readonly created_at: string;
}

export function toDecision(zone_id: string, { n, at, details }: Pick<StoredRow, 'n'> & AuditRow): ListedDecision {
  const id = entryId(zone_id, { log: 'changes', n });
  const { mode, allow, policy_hits, redactions, decision_trace } = parseJson(details) as Details;
  return { id, mode, allow, policy_hits, redactions, decision_trace, audit_id: id, created_at: isoTime(at) };
}
