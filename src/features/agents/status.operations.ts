/** What is observed of an agent (platform.md §1.4). Guarantee: everything is computed when it is read, so none of it is old. */
import { z } from 'zod';
import type { Operation } from '../../core/operation.ts';
import { isStale, type Moment, PHASES, phaseOf, STATES, staleMs } from './agent.ts';
import { timeOf } from './agent-object.ts';
import { type AgentRow, findAgent } from './agents.sql.ts';
import { type Condition, conditionObject, conditionsOf, isWarm } from './conditions.ts';
import { countMessages } from './mailbox.sql.ts';
import { agentId, ROOT, VIEWER } from './params.ts';
import { agentNotFound } from './rights.ts';

const time = z.string().nullable();
const statusObject = z.object({
  agent_id: z.string(),
  zone_id: z.string(),
  phase: z.enum(PHASES),
  status: z.enum(PHASES),
  state: z.enum(STATES),
  generation: z.number(),
  observed_generation: z.number(),
  spec_generation: z.number(),
  conditions: z.array(conditionObject),
  resource_usage: z.object({
    tokens_used: z.number(),
    storage_used_mb: z.number(),
    context_usage_pct: z.number(),
  }),
  context_usage_pct: z.number(),
  inbox_depth: z.number(),
  last_heartbeat: time,
  last_activity: time,
  stale: z.boolean(),
});
type StatusObject = z.infer<typeof statusObject>;

const idInput = z.object({ agent_id: agentId });

export const agentStatus: Operation<z.infer<typeof idInput>, StatusObject> = {
  name: 'agent.status',
  tool: 'get_agent_status',
  summary: 'Show what is observed of an agent.',
  effect: 'read',
  who: VIEWER,
  input: idInput,
  output: statusObject,
  faults: ['AGENT_NOT_FOUND'],
  rpc: { name: 'agent_status' },
  http: { method: 'GET', path: `${ROOT}/:agent_id/status` },
  cli: { words: 'agent status', args: ['agent_id'] },
  run: async (call, { agent_id }) => {
    const { zone_id } = call.zone;
    const row = await findAgent(call.tx, zone_id, agent_id);
    if (!row) throw agentNotFound(agent_id);
    const inbox_depth = await countMessages(call.tx, { zone_id, agent_id, now: call.now });
    return { ...observed(row, { now: call.now, limit: staleMs(call.limits) }), inbox_depth };
  },
};

function observed(row: AgentRow, at: Moment): Omit<StatusObject, 'inbox_depth'> {
  const warming = row.warming_until !== null && row.warming_until > at.now;
  const phase = phaseOf(row, { warming, warm: isWarm(row) }, at);
  const conditions: readonly Condition[] = conditionsOf(row, at);
  const { tokens_used, storage_used_mb, context_usage_pct } = row;
  return {
    agent_id: row.agent_id,
    zone_id: row.zone_id,
    phase,
    status: phase,
    state: row.state,
    generation: row.generation,
    observed_generation: row.observed_generation,
    spec_generation: row.spec_generation,
    conditions: [...conditions],
    resource_usage: { tokens_used, storage_used_mb, context_usage_pct },
    context_usage_pct,
    last_heartbeat: timeOf(row.beat_at),
    last_activity: timeOf(row.active_at),
    stale: isStale(row, at),
  };
}
