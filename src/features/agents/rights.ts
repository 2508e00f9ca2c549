/**
 * Who may change an agent, and act for it (platform.md §0, §1.1). Guarantees: only whoever registered it, the agent itself
 * and admins of its zone change it; whoever takes an id takes over nothing that others gave to it before.
 */
import { Fault } from '../../base/faults.ts';
import { ownerOfText, subjectText } from '../../core/call/doer.ts';
import type { Call, Caller } from '../../core/operation.ts';
import type { Tx } from '../../ports/sql.ts';
import { isZoneAdmin } from '../access/credentials.ts';
import { hasNotedShares } from '../access/tuple-rows.sql.ts';
import { isAdmin, subjectOf } from '../jobs/visibility.ts';
import { findLife, listOwners, type Registration } from './agents.sql.ts';
import { isClaimed } from './claims.sql.ts';

type Whose = Pick<Registration, 'agent_id' | 'owner' | 'user_id'>;

/** Is it the agent's own key? */
export const isItself = ({ subject_type, subject_id }: Caller, agent_id: string): boolean =>
  subject_type === 'agent' && subject_id === agent_id;

/** Registered by the caller, or by an agent of the caller's, in his own zone. */
export const isRegistrar = (caller: Caller, { owner, user_id }: Whose): boolean =>
  owner === subjectText(caller) ||
  (ownerOfText(owner).zone_id === undefined && caller.subject_type === 'user' && caller.subject_id === user_id);

export const agentNotFound = (agent_id: string, what = 'Agent not found'): Fault =>
  new Fault('AGENT_NOT_FOUND', `${what}: ${agent_id}`, { agent_id });

/** ACCESS_DENIED unless the caller may change the agent; `itself` may not everything. */
export function checkMayChange(call: Call, agent: Whose, may: { readonly itself: boolean } = { itself: true }): void {
  const { caller } = call;
  if (isAdmin(call) || isRegistrar(caller, agent)) return;
  if (may.itself && isItself(caller, agent.agent_id)) return;
  const who = may.itself ? 'by whoever registered it, by itself' : 'by whoever registered it';
  throw new Fault('ACCESS_DENIED', `Access denied: agent ${agent.agent_id} is changed ${who} or by a zone admin`, {
    agent_id: agent.agent_id,
  });
}

/** AGENT_NOT_FOUND or ACCESS_DENIED, or what `find` gives. */
export async function getChangeable<R extends Whose>(
  call: Call,
  agent_id: string,
  find: (tx: Tx, zone_id: string, agent_id: string) => Promise<R | undefined>,
): Promise<R> {
  const found = await find(call.tx, call.zone.zone_id, agent_id);
  if (!found) throw agentNotFound(agent_id);
  checkMayChange(call, found);
  return found;
}

/** As whose an agent is registered by the caller: the user that it is, or that stands behind it. */
export const registrarOf = ({ subject_type, subject_id, user_id }: Caller): string =>
  subject_type === 'user' ? subject_id : user_id;

/**
 * An id with keys, grants, an inbox or work, and the name of somebody, is registered by itself or by an admin, else whoever
 * comes first would have what others gave to it, or send in that name. What other zones shared with one that was deleted has to have ended.
 */
export async function checkFree(call: Call, agent_id: string): Promise<void> {
  const { caller, zone, tx } = call;
  if (await hasNotedShares(tx, { zone_id: zone.zone_id, type: 'agent', id: agent_id })) throw stillEnding(agent_id);
  if (isAdmin(call) || isItself(caller, agent_id)) return;
  const user = { user_id: registrarOf(caller), subject: subjectOf(call) };
  if (!(await isClaimed(tx, { zone_id: zone.zone_id, agent_id, ...user }))) return;
  throw new Fault(
    'ACCESS_DENIED',
    `Access denied: the id ${agent_id} is in use by others: as a name, or with keys, grants, an inbox or tasks; it registers itself, or an admin of the zone does`,
    { agent_id },
  );
}

const stillEnding = (agent_id: string): Fault =>
  new Fault(
    'UNAVAILABLE',
    `What other zones shared with the agent ${agent_id} that was deleted is still ending; try again`,
    {
      agent_id,
      retry_after: 1,
    },
  );

/** May a caller act for an agent: itself, one of its own, one that nobody registered, any for a zone admin? */
export async function mayActFor(tx: Tx, caller: Caller, agent_id: string): Promise<boolean> {
  if (isZoneAdmin(caller, caller.zone_id)) return true;
  if (caller.subject_type === 'agent') return caller.subject_id === agent_id;
  const [registered] = await listOwners(tx, caller.zone_id, [agent_id]);
  return registered === undefined || isRegistrar(caller, registered);
}

/** ACCESS_DENIED where a call is made for an agent that somebody else registered. */
export async function checkActing(tx: Tx, caller: Caller): Promise<void> {
  const { agent_id } = caller;
  if (agent_id === null || (await mayActFor(tx, caller, agent_id))) return;
  const why = `agent ${agent_id} is registered by somebody else; act for one of your own`;
  throw new Fault('ACCESS_DENIED', `Access denied: ${why}`, { agent_id });
}

export const getChangeableLife = (call: Call, agent_id: string) => getChangeable(call, agent_id, findLife);
