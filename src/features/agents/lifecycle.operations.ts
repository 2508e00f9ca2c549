/**
 * Moves and heartbeats (platform.md §1.2). Guarantees: of callers that expect the same generation one moves the agent; an
 * older incarnation neither moves it nor keeps it alive; a heartbeat leaves no event and no audit row, unless it ends a
 * lapse that nobody has told yet.
 */
import { z } from 'zod';
import { isoTime } from '../../base/clock.ts';
import { Fault } from '../../base/faults.ts';
import { holdsNul, NO_NUL, plainText } from '../../base/texts.ts';
import type { Call, Operation } from '../../core/operation.ts';
import { beaten, isUntold, type Life, MOVES, type Moment, moved, STATES, staleMs } from './agent.ts';
import { type AgentObject, agentObject } from './agent-object.ts';
import { type AgentLife, findAgent, saveLife } from './agents.sql.ts';
import { agentId, generation, OPERATOR, ROOT } from './params.ts';
import { shownAgent, tellAgent } from './register.operations.ts';
import { getChangeable, getChangeableLife } from './rights.ts';

const expected = generation.optional().describe('generation that the agent has to have');

const momentOf = (call: Call): Moment => ({ now: call.now, limit: staleMs(call.limits) });

/** CONFLICT for an older incarnation. */
function checkGeneration(agent_id: string, { generation: current }: Life, wanted: number | undefined): void {
  if (wanted === undefined || wanted === current) return;
  throw new Fault('CONFLICT', `Stale generation: expected ${wanted}, current ${current}`, {
    reason: 'STALE_GENERATION',
    agent_id,
    expected: wanted,
    current,
  });
}

/** A lapse that ends before it was looked for is told all the same. */
function tellLapse(call: Call, agent: AgentLife, at: Moment): void {
  if (isUntold(agent, at)) call.event(lapseEvent(agent));
}

/** It is the agent's own, and its user's, whoever finds it. */
export const lapseEvent = ({ agent_id, user_id, state, generation: current, heard_at }: AgentLife) => ({
  type: 'agent.stale' as const,
  object: { type: 'agent', id: agent_id },
  data: { state, generation: current, last_heard: isoTime(heard_at) },
  by: { user_id, agent_id },
});

const transitionInput = z.object({
  agent_id: agentId,
  target_state: z.enum(STATES).describe('state that it is to have'),
  expected_generation: expected,
});
type TransitionInput = z.infer<typeof transitionInput>;

export const transitionAgent: Operation<TransitionInput, AgentObject> = {
  name: 'agent.transition',
  summary: 'Move an agent to another state; each entry into CONNECTED is a new generation.',
  effect: 'write',
  who: OPERATOR,
  input: transitionInput,
  output: agentObject,
  faults: ['AGENT_NOT_FOUND', 'ACCESS_DENIED', 'CONFLICT'],
  rpc: { name: 'agent_transition' },
  http: { method: 'POST', path: `${ROOT}/:agent_id/transition`, tolerant: true },
  cli: { words: 'agent transition', args: ['agent_id', 'target_state'] },
  object: ({ agent_id }) => `agent:${agent_id}`,
  run: async (call, { agent_id, target_state, expected_generation }) => {
    const before = await getChangeable(call, agent_id, findAgent);
    checkGeneration(agent_id, before, expected_generation);
    const from = before.state;
    const allowed = MOVES[from];
    if (!allowed.includes(target_state)) {
      throw new Fault('CONFLICT', `Invalid transition: ${from} → ${target_state}`, {
        reason: 'INVALID_TRANSITION',
        from,
        to: target_state,
        allowed,
      });
    }
    const at = momentOf(call);
    tellLapse(call, before, at);
    const after = { ...before, ...moved(before, target_state, at) };
    await saveLife(call.tx, before, after);
    tellAgent(call, 'agent.transition', { agent_id, from, to: target_state, generation: after.generation });
    return shownAgent(call, after);
  },
};

const amount = z.number().min(0);
const heartbeatInput = z.object({
  agent_id: agentId,
  expected_generation: expected,
  observed_generation: generation.optional().describe('generation of the spec that it goes by'),
  activity: plainText.min(1).max(64).optional().describe('what it is at: thinking, or any other word'),
  resource_usage: z
    .looseObject({
      tokens_used: amount.optional(),
      storage_used_mb: amount.optional(),
      context_usage_pct: amount.optional(),
    })
    .refine((value) => !holdsNul(value), NO_NUL)
    .optional()
    .describe('what it has used: tokens_used, storage_used_mb, context_usage_pct; what is left out stays'),
});
type HeartbeatInput = z.infer<typeof heartbeatInput>;
const heartbeatOutput = agentObject
  .pick({ agent_id: true, state: true, generation: true })
  .extend({ ok: z.literal(true), last_heartbeat: z.string(), stale: z.literal(false), heartbeat_seconds: z.number() });

export const beatAgent: Operation<HeartbeatInput, z.infer<typeof heartbeatOutput>> = {
  name: 'agent.heartbeat',
  summary: 'Say that an agent is alive, and what it is at.',
  effect: 'write',
  who: OPERATOR,
  input: heartbeatInput,
  output: heartbeatOutput,
  faults: ['AGENT_NOT_FOUND', 'ACCESS_DENIED', 'CONFLICT'],
  rpc: { name: 'agent_heartbeat' },
  http: { method: 'POST', path: `${ROOT}/:agent_id/heartbeat`, tolerant: true },
  cli: { words: 'agent heartbeat', args: ['agent_id'] },
  object: ({ agent_id }) => `agent:${agent_id}`,
  run: async (call, { agent_id, expected_generation, ...report }) => {
    const before = await getChangeableLife(call, agent_id);
    checkGeneration(agent_id, before, expected_generation);
    const at = momentOf(call);
    tellLapse(call, before, at);
    await saveLife(call.tx, before, beaten(before, report, at));
    return {
      ok: true,
      agent_id,
      state: before.state,
      generation: before.generation,
      last_heartbeat: isoTime(at.now),
      stale: false,
      heartbeat_seconds: Math.round(at.limit / 3) / 1000,
    };
  },
};
