/**
 * For which agent a call is made (platform.md §0, access.md §1). Guarantees: it is named in events and audit rows and
 * grants nothing; the key of an agent acts for no other one.
 */
import { Fault, invalidParams } from '../../base/faults.ts';
import { isAgentId } from '../../base/ids.ts';
import type { Caller } from '../../core/operation.ts';

/** The caller, acting for the agent that it names, if any. */
export function actingFor(caller: Caller, agent_id: string | undefined): Caller {
  if (agent_id === undefined || caller.key_id === null || agent_id === caller.agent_id) return caller;
  if (!isAgentId(agent_id)) {
    throw invalidParams({
      path: 'X-Agent-ID',
      message: 'has to be 1 to 128 letters, digits and _.:,@- , a letter, digit or _ first',
    });
  }
  if (caller.subject_type === 'agent') {
    throw new Fault('ACCESS_DENIED', `Access denied: this key acts for agent ${caller.subject_id} only`, { agent_id });
  }
  return { ...caller, agent_id };
}
