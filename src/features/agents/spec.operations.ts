/** What is wanted of an agent (platform.md §1.3). Guarantee: each accepted spec is a generation of its own, an equal one too. */
import { z } from 'zod';
import { Fault, invalidParams } from '../../base/faults.ts';
import { holding, recordOf } from '../../base/json-object.ts';
import { holdsNul, NO_NUL, plainText } from '../../base/texts.ts';
import type { Operation } from '../../core/operation.ts';
import { QOS, type Spec, type SpecObject, specObject, specOf, toSpec } from './agent-object.ts';
import { type AgentRow, findAgent, saveAgent, saveCapabilities, saveWarm } from './agents.sql.ts';
import { isForPresentSpec } from './conditions.ts';
import { agentId, capabilities, keptJson, OPERATOR, ROOT, sorted, VIEWER } from './params.ts';
import { tellAgent } from './register.operations.ts';
import { agentNotFound, getChangeable } from './rights.ts';

/** More than its text may be long enough for. */
const AMOUNTS_MOST = 10_000;

const amounts = holding(
  AMOUNTS_MOST,
  recordOf(
    z.number().min(0),
    z.string().refine((name) => !holdsNul(name), NO_NUL),
  ),
);

const putInput = z.object({
  agent_id: agentId,
  agent_type: plainText.min(1).max(128).describe('kind of agent, to find it by'),
  capabilities,
  resource_requests: amounts.default({}).describe('what it needs, by name'),
  resource_limits: amounts.default({}).describe('what it may use at most, by name'),
  qos_class: z.enum(QOS).default('standard').describe('class of service; standard unless given'),
  zone_affinity: plainText.max(255).optional().describe('where it is best run; kept and shown'),
  if_match: z
    .union([plainText, z.int()])
    .optional()
    .describe('generation of the spec that is replaced; also as header If-Match'),
});
type PutInput = z.infer<typeof putInput>;

export const putSpec: Operation<PutInput, SpecObject> = {
  name: 'agent.spec-put',
  tool: 'set_agent_spec',
  summary: 'Say what is wanted of an agent; each time is a new generation of its spec.',
  effect: 'write',
  who: OPERATOR,
  input: putInput,
  output: specObject,
  faults: ['AGENT_NOT_FOUND', 'ACCESS_DENIED', 'PRECONDITION_FAILED', 'LIMIT_EXCEEDED', 'INVALID_PARAMS'],
  rpc: { name: 'agent_spec_put' },
  http: { method: 'PUT', path: `${ROOT}/:agent_id/spec`, tolerant: true, headers: { 'if-match': 'if_match' } },
  cli: { words: 'agent set-spec', args: ['agent_id', 'agent_type'] },
  object: ({ agent_id }) => `agent:${agent_id}`,
  run: async (call, input) => {
    const before = await getChangeable(call, input.agent_id, findAgent);
    checkMatch(before, input.if_match);
    const spec = specFrom(input);
    const after: AgentRow = {
      ...before,
      agent_type: spec.agent_type,
      spec: keptJson(spec, 'the spec', { limits: call.limits, name: 'AGENT_METADATA_BYTES' }),
      spec_generation: before.spec_generation + 1,
      spec_first_at: before.spec_first_at ?? call.now,
      updated_at: call.now,
    };
    await saveAgent(call.tx, after);
    if (isForPresentSpec(before)) await saveWarm(call.tx, { ...before, cooled_at: call.now });
    await saveCapabilities(call.tx, after, spec.capabilities);
    tellAgent(call, 'agent.spec', { agent_id: after.agent_id, spec_generation: after.spec_generation });
    return toSpec(spec, after);
  },
};

/** PRECONDITION_FAILED where another spec is there than the one that was read. */
function checkMatch({ agent_id, spec_generation }: AgentRow, if_match: string | number | undefined): void {
  if (if_match === undefined) return;
  const tags = String(if_match)
    .split(',')
    .map((tag) => tag.trim().replace(/^"(.*)"$/, '$1'));
  if (tags.includes(String(spec_generation)) || (tags.includes('*') && spec_generation > 0)) return;
  const message = `The spec of agent ${agent_id} is at generation ${spec_generation}, not ${tags.join(', ')}`;
  throw new Fault('PRECONDITION_FAILED', message, { agent_id, spec_generation });
}

function specFrom(input: PutInput): Spec {
  const { resource_requests, resource_limits } = input;
  for (const [name, wanted] of Object.entries(resource_requests)) {
    const most = Object.hasOwn(resource_limits, name) ? (resource_limits[name] ?? wanted) : wanted;
    if (wanted > most) {
      throw invalidParams({ path: `resource_requests.${name}`, message: `is ${wanted}, above its limit of ${most}` });
    }
  }
  return {
    agent_type: input.agent_type,
    capabilities: sorted(input.capabilities),
    resource_requests,
    resource_limits,
    qos_class: input.qos_class,
    zone_affinity: input.zone_affinity ?? null,
  };
}

const idInput = z.object({ agent_id: agentId });

export const getSpec: Operation<z.infer<typeof idInput>, SpecObject> = {
  name: 'agent.spec-get',
  tool: 'get_agent_spec',
  summary: 'Show what is wanted of an agent.',
  effect: 'read',
  who: VIEWER,
  input: idInput,
  output: specObject,
  faults: ['AGENT_NOT_FOUND'],
  rpc: { name: 'agent_spec_get' },
  http: { method: 'GET', path: `${ROOT}/:agent_id/spec` },
  cli: { words: 'agent spec', args: ['agent_id'] },
  run: async (call, { agent_id }) => {
    const row = await findAgent(call.tx, call.zone.zone_id, agent_id);
    if (!row) throw agentNotFound(agent_id);
    const spec = specOf(row);
    if (!spec) throw agentNotFound(agent_id, 'No spec yet of agent');
    return toSpec(spec, row);
  },
};
