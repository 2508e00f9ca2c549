/**
 * Finding agents (platform.md §1.1, §1.5). Guarantees: a filter is a query, so a page costs what it holds, not what the
 * zone has; every caller of the zone reads.
 */
import { z } from 'zod';
import { readCursor, writeCursor } from '../../base/cursor.ts';
import { plainText } from '../../base/texts.ts';
import type { Call, Operation } from '../../core/operation.ts';
import { cursorParam, pageParam } from '../jobs/params.ts';
import { STATES, staleMs } from './agent.ts';
import { type AgentObject, agentObject } from './agent-object.ts';
import { type AgentFilter, countAgents, findAgent, listAgents } from './agents.sql.ts';
import { agentId, capability, ROOT, VIEWER } from './params.ts';
import { shownAgent } from './register.operations.ts';
import { agentNotFound } from './rights.ts';

const CAPABILITIES_ASKED = 64;
const filters = {
  capability: z
    .union([capability, z.array(capability).min(1).max(CAPABILITIES_ASKED)])
    .optional()
    .describe('only agents that have this one, or these'),
  match: z.enum(['all', 'any']).default('all').describe('all of the capabilities, or any'),
  state: z.enum(STATES).optional().describe('only agents in this state'),
  agent_type: plainText.optional().describe('only agents whose spec has this type'),
  stale: z.boolean().optional().describe('only agents that are stale, or that are not'),
};
const filterInput = z.object(filters);
type FilterInput = z.infer<typeof filterInput>;

const filterOf = (call: Call, input: FilterInput): AgentFilter => ({
  capabilities: [...new Set([input.capability ?? []].flat())],
  match: input.match,
  state: input.state,
  agent_type: input.agent_type,
  stale: input.stale,
  heardSince: call.now - staleMs(call.limits),
});

/** All of them: a zone has no more than it may. */
async function everyAgent(call: Call, input: FilterInput): Promise<AgentObject[]> {
  const { tx, zone } = call;
  const page = { filter: filterOf(call, input), after: '', limit: Number.MAX_SAFE_INTEGER };
  return (await listAgents(tx, zone.zone_id, page)).map((row) => shownAgent(call, row));
}

const bareList = {
  effect: 'read',
  who: VIEWER,
  output: z.array(agentObject),
  faults: [],
} satisfies Partial<Operation<FilterInput, AgentObject[]>>;

export const allAgents: Operation<FilterInput, AgentObject[]> = {
  ...bareList,
  name: 'agent.all',
  tool: 'list_all_agents',
  summary: 'List all agents of the zone, by id.',
  input: filterInput,
  rpc: { name: 'list_agents' },
  run: everyAgent,
};

const zoneInput = z.object({ zone_id: z.string().describe('zone of the agents'), state: filters.state });
type ZoneInput = z.infer<typeof zoneInput>;

export const agentsByZone: Operation<ZoneInput, AgentObject[]> = {
  ...bareList,
  name: 'agent.by-zone',
  tool: 'list_zone_agents',
  summary: 'List all agents of a zone, by id.',
  zone: 'subject',
  input: zoneInput,
  rpc: { name: 'agent_list_by_zone' },
  nowhere: () => [],
  run: (call, { state }) => everyAgent(call, { state, match: 'all' }),
};

const PAGE = 100;
const PAGE_MAX = 1000;
const CURSOR = 'agents';
const pageInput = filterInput.extend({ limit: pageParam(PAGE_MAX, PAGE), cursor: cursorParam });
const pageOutput = z.object({
  agents: z.array(agentObject),
  total: z.number(),
  next_cursor: z.string().nullable(),
  has_more: z.boolean(),
});

export const agentPage: Operation<z.infer<typeof pageInput>, z.infer<typeof pageOutput>> = {
  name: 'agent.list',
  summary: 'List a page of the agents of the zone, by id.',
  effect: 'read',
  who: VIEWER,
  input: pageInput,
  output: pageOutput,
  faults: ['INVALID_CURSOR'],
  http: { method: 'GET', path: ROOT },
  cli: { words: 'agent list' },
  nowhere: () => ({ agents: [], total: 0, next_cursor: null, has_more: false }),
  run: async (call, { limit, cursor, ...input }) => {
    const { tx, zone } = call;
    const filter = filterOf(call, input);
    const after = cursor === undefined ? '' : readCursor(CURSOR, cursor, z.object({ after: plainText })).after;
    const rows = await listAgents(tx, zone.zone_id, { filter, after, limit: limit + 1 });
    const page = rows.slice(0, limit);
    const has_more = rows.length > limit;
    const whole = cursor === undefined && !has_more;
    return {
      agents: page.map((row) => shownAgent(call, row)),
      total: whole ? page.length : await countAgents(tx, zone.zone_id, filter),
      next_cursor: has_more ? writeCursor(CURSOR, { after: page.at(-1)?.agent_id }) : null,
      has_more,
    };
  },
};

const idInput = z.object({ agent_id: agentId });
type IdInput = z.infer<typeof idInput>;

async function find(call: Call, { agent_id }: IdInput): Promise<AgentObject | null> {
  const row = await findAgent(call.tx, call.zone.zone_id, agent_id);
  return row ? shownAgent(call, row) : null;
}

/** The form of JSON-RPC: null where there is none. */
export const findOneAgent: Operation<IdInput, AgentObject | null> = {
  name: 'agent.find',
  tool: 'find_agent',
  summary: 'Show an agent, or null.',
  effect: 'read',
  who: VIEWER,
  input: idInput,
  output: agentObject.nullable(),
  faults: [],
  rpc: { name: 'get_agent' },
  run: find,
};

export const getAgent: Operation<IdInput, AgentObject> = {
  name: 'agent.get',
  summary: 'Show an agent.',
  effect: 'read',
  who: VIEWER,
  input: idInput,
  output: agentObject,
  faults: ['AGENT_NOT_FOUND'],
  http: { method: 'GET', path: `${ROOT}/:agent_id` },
  cli: { words: 'agent get', args: ['agent_id'] },
  run: async (call, input) => {
    const found = await find(call, input);
    if (!found) throw agentNotFound(input.agent_id);
    return found;
  },
};
