/** An agent as clients see it (platform.md §1.1, §1.3), from its row. */
import { z } from 'zod';
import { isoTime } from '../../base/clock.ts';
import { jsonObject, recordOf } from '../../base/json-object.ts';
import { parseJson } from '../../base/parse-json.ts';
import { isStale, type Moment, STATES } from './agent.ts';
import type { AgentRow } from './agents.sql.ts';

const time = z.string().nullable();
export const QOS = ['premium', 'standard', 'spot'] as const;
const amounts = recordOf(z.number());

export const specObject = z.object({
  agent_id: z.string(),
  zone_id: z.string(),
  spec_generation: z.number(),
  agent_type: z.string(),
  capabilities: z.array(z.string()),
  resource_requests: amounts,
  resource_limits: amounts,
  qos_class: z.enum(QOS),
  zone_affinity: z.string().nullable(),
});
export type SpecObject = z.infer<typeof specObject>;
/** What is kept of a spec. */
export type Spec = Omit<SpecObject, 'agent_id' | 'zone_id' | 'spec_generation'>;

export const agentObject = z.object({
  agent_id: z.string(),
  id: z.string(),
  name: z.string(),
  description: z.string().nullable(),
  user_id: z.string(),
  zone_id: z.string(),
  state: z.enum(STATES),
  generation: z.number(),
  capabilities: z.array(z.string()),
  metadata: jsonObject,
  spec_generation: z.number(),
  last_heartbeat: time,
  stale: z.boolean(),
  has_api_key: z.boolean(),
  created_at: z.string(),
  updated_at: z.string(),
});
export type AgentObject = z.infer<typeof agentObject>;

export const timeOf = (ms: number | null): string | null => (ms === null ? null : isoTime(ms));

export const specOf = ({ spec }: Pick<AgentRow, 'spec'>): Spec | undefined =>
  spec === null ? undefined : (parseJson(spec) as Spec);

export const toSpec = (spec: Spec, { agent_id, zone_id, spec_generation }: AgentRow): SpecObject => ({
  agent_id,
  zone_id,
  ...spec,
  spec_generation,
});

/** Those of its spec, or of its registration until it has one. */
export const capabilitiesOf = (row: Pick<AgentRow, 'spec' | 'capabilities'>): string[] =>
  specOf(row)?.capabilities ?? (parseJson(row.capabilities) as string[]);

export const toAgent = (row: AgentRow, at: Moment): AgentObject => ({
  agent_id: row.agent_id,
  id: row.agent_id,
  name: row.name,
  description: row.description,
  user_id: row.user_id,
  zone_id: row.zone_id,
  state: row.state,
  generation: row.generation,
  capabilities: capabilitiesOf(row),
  metadata: parseJson(row.metadata) as AgentObject['metadata'],
  spec_generation: row.spec_generation,
  last_heartbeat: timeOf(row.beat_at),
  stale: isStale(row, at),
  has_api_key: row.has_api_key === 1,
  created_at: isoTime(row.created_at),
  updated_at: isoTime(Math.max(row.updated_at, row.moved_at)),
});
