/**
 * Who sees which tasks and schedules at the scheduler's door (platform.md §2.4). Guarantees: the rule for one row and the
 * condition for a list are made of the same parts; what is not seen does not exist.
 */
import { ownerText } from '../../core/call/doer.ts';
import type { Call } from '../../core/operation.ts';
import type { SqlValue } from '../../ports/sql.ts';
import { isZoneAdmin } from '../access/credentials.ts';

interface Owned {
  readonly owner: string;
  readonly agent_id: string;
}

/** What a row has to have; undefined is anything. */
interface Seen {
  readonly owner: string | undefined;
  readonly agent_id: string | undefined;
}

/** As whose the caller's own things are kept. */
export const subjectOf = ({ caller, context }: Pick<Call, 'caller' | 'context'>): string =>
  ownerText(caller, context.zone_id);

export const isAdmin = ({ caller, context }: Pick<Call, 'caller' | 'context'>): boolean =>
  isZoneAdmin(caller, context.zone_id);

/**
 * With an acting agent only what is that agent's; else all of the subject; all of the zone for its admin. The key of an agent
 * acts for it without saying so: that narrows nothing for one that is an admin's.
 */
function seenBy(call: Pick<Call, 'caller' | 'context'>): Seen {
  const { caller } = call;
  const isAgent = caller.subject_type === 'agent';
  const all = isAdmin(call);
  const owner = all || isAgent ? undefined : subjectOf(call);
  return { owner, agent_id: all && isAgent ? undefined : (caller.agent_id ?? undefined) };
}

export function sees(call: Pick<Call, 'caller' | 'context'>, row: Owned): boolean {
  const { owner, agent_id } = seenBy(call);
  return (owner === undefined || owner === row.owner) && (agent_id === undefined || agent_id === row.agent_id);
}

/** A task, which whoever had its last attempt sees too: he may wait for its end. */
export const seesTask = (
  call: Pick<Call, 'caller' | 'context'>,
  job: Owned & { readonly lease_subject: string | null },
): boolean => sees(call, job) || job.lease_subject === subjectOf(call);

/** A condition, with its parameters, that starts with AND; empty where everything is seen. */
export function seenCondition(call: Pick<Call, 'caller' | 'context'>): { sql: string; params: SqlValue[] } {
  const { owner, agent_id } = seenBy(call);
  const parts = [owner === undefined ? '' : ' AND owner = ?', agent_id === undefined ? '' : ' AND agent_id = ?'];
  return { sql: parts.join(''), params: [owner, agent_id].filter((value) => value !== undefined) };
}
