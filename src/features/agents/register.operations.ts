/**
 * The registry (platform.md §1.1): register, update, delete. Guarantees: an agent is registered once; its generated key is
 * shown once, has the role operator and no grants; with the agent go its keys, its grants and its inbox.
 */
import { z } from 'zod';
import { canonicalJson } from '../../base/canonical-json.ts';
import { Fault } from '../../base/faults.ts';
import { newId } from '../../base/ids.ts';
import { parseJson } from '../../base/parse-json.ts';
import { type Call, type NewEvent, type Operation, ROLES } from '../../core/operation.ts';
import { hashKey } from '../access/credentials.ts';
import { tellEnds } from '../access/graph/changes.sql.ts';
import { managesAll } from '../access/key-rights.ts';
import { newKeyText } from '../access/key-text.ts';
import { insertKey } from '../access/keys.sql.ts';
import { checkLastAdmin } from '../access/last-admin.ts';
import { noteShareEnds } from '../access/tuple-rows.sql.ts';
import { subjectOf } from '../jobs/visibility.ts';
import { checkQuota } from '../zones/quota.ts';
import { newLife, staleMs } from './agent.ts';
import { type AgentObject, agentObject, toAgent } from './agent-object.ts';
import {
  type AgentRow,
  countAll,
  deleteAgent,
  findAgent,
  insertAgent,
  type Registration,
  saveAgent,
  saveCapabilities,
} from './agents.sql.ts';
import { deleteTuplesOf, revokeKeysOf } from './claims.sql.ts';
import { removeMailbox } from './mailbox.sql.ts';
import { agentId, agentName, capabilities, description, keptJson, metadata, OPERATOR, ROOT, sorted } from './params.ts';
import { agentNotFound, checkFree, checkMayChange, getChangeable, registrarOf } from './rights.ts';

/** An agent as it is at the time of the call. */
export const shownAgent = (call: Call, row: AgentRow): AgentObject =>
  toAgent(row, { now: call.now, limit: staleMs(call.limits) });

interface AgentEvent {
  readonly agent_id: string;
  readonly [name: string]: unknown;
}

/** The event of a change of an agent. */
export function tellAgent(
  call: Call,
  event: NewEvent['type'] & `agent.${string}`,
  { agent_id, ...data }: AgentEvent,
): void {
  call.event({ type: event, object: { type: 'agent', id: agent_id }, data });
}

const fields = { name: agentName, description, capabilities, metadata };

const registerInput = z.object({
  agent_id: agentId,
  ...z.object(fields).partial().shape,
  name: agentName,
  generate_api_key: z.boolean().default(false).describe('make a key for it, which this answer shows once'),
});
type RegisterInput = z.infer<typeof registerInput>;
const registerOutput = agentObject.extend({
  already_registered: z.literal(true).optional(),
  api_key: z.string().optional(),
  key_id: z.string().optional(),
});
type RegisterOutput = z.infer<typeof registerOutput>;

export const registerAgent: Operation<RegisterInput, RegisterOutput> = {
  name: 'agent.register',
  repeats: 'refused',
  summary: 'Register an agent; again with equal fields changes nothing.',
  effect: 'write',
  who: OPERATOR,
  input: registerInput,
  output: registerOutput,
  faults: ['ACCESS_DENIED', 'ALREADY_EXISTS', 'LIMIT_EXCEEDED', 'QUOTA_EXCEEDED', 'TOO_MANY'],
  rpc: { name: 'register_agent' },
  http: {
    method: 'POST',
    path: ROOT,
    statusOf: ({ already_registered }) => (already_registered ? 200 : 201),
    tolerant: true,
  },
  cli: { words: 'agent register', args: ['agent_id', 'name'] },
  object: ({ agent_id }) => `agent:${agent_id}`,
  run: async (call, input) => {
    const { tx, zone } = call;
    const before = await findAgent(tx, zone.zone_id, input.agent_id);
    if (before) return again(call, before, input);
    await checkFree(call, input.agent_id);
    await checkRoom(call);
    const row = registrationOf(call, input);
    await insertAgent(tx, row, newLife(call.now));
    await saveCapabilities(tx, row, parseJson(row.capabilities) as string[]);
    const key = input.generate_api_key ? await makeKey(call, row) : undefined;
    const told = { agent_id: row.agent_id, name: row.name, ...(key ? { key_id: key.key_id } : {}) };
    tellAgent(call, 'agent.registered', told);
    const made = await findAgent(tx, zone.zone_id, row.agent_id);
    if (!made) throw new Error(`agent ${row.agent_id} is not there after it was registered`);
    return { ...shownAgent(call, made), ...key };
  },
};

const registrationOf = (call: Call, input: RegisterInput): Registration => ({
  zone_id: call.zone.zone_id,
  agent_id: input.agent_id,
  owner: subjectOf(call),
  user_id: registrarOf(call.caller),
  description: null,
  capabilities: '[]',
  metadata: '{}',
  agent_type: null,
  spec: null,
  spec_generation: 0,
  spec_first_at: null,
  created_at: call.now,
  updated_at: call.now,
  ...columnsOf(call, input),
  name: input.name,
});

type Given = Partial<Pick<Registration, 'name' | 'description' | 'capabilities' | 'metadata'>>;

/** What was given, as columns. */
function columnsOf(call: Call, input: Partial<z.infer<z.ZodObject<typeof fields>>>): Given {
  const { limits } = call;
  return {
    ...(input.name === undefined ? {} : { name: input.name }),
    ...(input.description === undefined ? {} : { description: input.description }),
    ...(input.capabilities === undefined ? {} : { capabilities: JSON.stringify(sorted(input.capabilities)) }),
    ...(input.metadata === undefined
      ? {}
      : { metadata: keptJson(input.metadata, 'the metadata', { limits, name: 'AGENT_METADATA_BYTES' }) }),
  };
}

/** Names of columns that would change. */
function changedBy(before: Registration, given: Given): string[] {
  const now = new Map<string, unknown>(Object.entries(before));
  return Object.entries(given).flatMap(([name, value]) => (isSame(name, value, now.get(name)) ? [] : [name]));
}

/** Metadata is the same in another order of its names. */
function isSame(name: string, one: unknown, other: unknown): boolean {
  if (one === other || name !== 'metadata') return one === other;
  return canonicalJson(parseJson(String(one))) === canonicalJson(parseJson(String(other)));
}

function again(call: Call, before: AgentRow, input: RegisterInput): RegisterOutput {
  const different = changedBy(before, columnsOf(call, input));
  if (different.length === 0 && !input.generate_api_key) {
    return { ...shownAgent(call, before), already_registered: true };
  }
  throw new Fault('ALREADY_EXISTS', `Agent ${before.agent_id} is already registered; use update_agent`, {
    agent_id: before.agent_id,
    different,
  });
}

/** QUOTA_EXCEEDED by the zone's own limit, TOO_MANY by that of the server. */
async function checkRoom({ tx, zone, limits }: Call): Promise<void> {
  const used = await countAll(tx, zone.zone_id);
  checkQuota(zone, 'agents', { used, by: 1 });
  const maximum = limits.AGENTS;
  if (used < maximum) return;
  throw new Fault('TOO_MANY', `Zone ${zone.zone_id} has ${maximum} agents, the most it may; delete some`, {
    limit: 'AGENTS',
    maximum,
  });
}

/** Operator, or the caller's role if that is lower. */
const roleOfKey = ({ role }: Call['caller']): string =>
  role !== 'none' && ROLES.indexOf(role) < ROLES.indexOf('operator') ? role : 'operator';

async function makeKey(call: Call, row: Registration): Promise<{ api_key: string; key_id: string }> {
  const { caller, now } = call;
  const api_key = newKeyText(row.zone_id, row.agent_id);
  const key_id = newId('key');
  call.use('keys', 1);
  await insertKey(call.tx, {
    key_id,
    hash: hashKey(api_key),
    zone_id: row.zone_id,
    name: `agent ${row.agent_id}`,
    user_id: row.user_id,
    subject_type: 'agent',
    subject_id: row.agent_id,
    role: roleOfKey(caller),
    inherit_permissions: 0,
    raw_mode_enabled: 0,
    // Else a caller with a limit could make itself a key without one.
    rate_limit_per_minute: managesAll(call) ? null : caller.rate_limit_per_minute,
    key_prefix: api_key.slice(0, 12),
    origin: null,
    created_at: now,
    expires_at: null,
  });
  call.audit({ key_id });
  call.accessChanged();
  return { api_key, key_id };
}

const updateInput = z.object({ agent_id: agentId, ...z.object(fields).partial().shape });
type UpdateInput = z.infer<typeof updateInput>;

export const updateAgent: Operation<UpdateInput, AgentObject> = {
  name: 'agent.update',
  summary: 'Change an agent; each field that is given is replaced whole.',
  effect: 'write',
  who: OPERATOR,
  input: updateInput,
  output: agentObject,
  faults: ['AGENT_NOT_FOUND', 'ACCESS_DENIED', 'LIMIT_EXCEEDED'],
  rpc: { name: 'update_agent' },
  http: { method: 'PATCH', path: `${ROOT}/:agent_id`, tolerant: true },
  cli: { words: 'agent update', args: ['agent_id'] },
  object: ({ agent_id }) => `agent:${agent_id}`,
  run: async (call, input) => {
    const before = await getChangeable(call, input.agent_id, findAgent);
    const given = columnsOf(call, input);
    const changed = changedBy(before, given);
    if (changed.length === 0) return shownAgent(call, before);
    const after: AgentRow = { ...before, ...given, updated_at: call.now };
    await saveAgent(call.tx, after);
    // With a spec, its own count.
    if (changed.includes('capabilities') && after.spec === null) {
      await saveCapabilities(call.tx, after, parseJson(after.capabilities) as string[]);
    }
    tellAgent(call, 'agent.updated', { agent_id: after.agent_id, changed });
    return shownAgent(call, after);
  },
};

const idInput = z.object({ agent_id: agentId });
type IdInput = z.infer<typeof idInput>;

const removal = {
  summary: 'Delete an agent with its keys, its grants and its inbox.',
  effect: 'destroy',
  who: OPERATOR,
  input: idInput,
  object: ({ agent_id }) => `agent:${agent_id}`,
} satisfies Partial<Operation<IdInput, unknown>>;

/** False where there was none. */
async function remove(call: Call, { agent_id }: IdInput): Promise<boolean> {
  const { tx, now } = call;
  const { zone_id } = call.zone;
  const before = await findAgent(tx, zone_id, agent_id);
  if (!before) return false;
  checkMayChange(call, before, { itself: false });
  const keys = await revokeKeysOf(tx, { zone_id, agent_id, now });
  for (const key of keys) await checkLastAdmin(call, key, 'agent_id');
  const tuples = call.zone.used_tuples === 0 ? [] : await deleteTuplesOf(tx, zone_id, agent_id);
  await tellEnds(tx, { zone_id, revision: call.zone.access_revision + 1 }, tuples);
  await noteShareEnds(tx, { zone_id, type: 'agent', id: agent_id });
  call.use('keys', -keys.length);
  call.use('tuples', -tuples.length);
  if (keys.length > 0 || tuples.length > 0) call.accessChanged();
  await removeMailbox(tx, zone_id, agent_id);
  await deleteAgent(tx, before);
  tellAgent(call, 'agent.deleted', { agent_id, keys_revoked: keys.length, tuples_removed: tuples.length });
  call.audit({ keys_revoked: keys.slice(0, 100).map(({ key_id }) => key_id), tuples_removed: tuples.length });
  return true;
}

/** The form of JSON-RPC: false where there was none. */
export const removeAgent: Operation<IdInput, boolean> = {
  ...removal,
  name: 'agent.remove',
  output: z.boolean(),
  faults: ['ACCESS_DENIED', 'INVALID_PARAMS'],
  rpc: { name: 'delete_agent' },
  run: remove,
};

export const deleteAgentByRoute: Operation<IdInput, null> = {
  ...removal,
  name: 'agent.delete',
  output: z.null(),
  faults: ['AGENT_NOT_FOUND', 'ACCESS_DENIED', 'INVALID_PARAMS'],
  http: { method: 'DELETE', path: `${ROOT}/:agent_id`, status: 204 },
  cli: { words: 'agent delete', args: ['agent_id'] },
  run: async (call, input) => {
    if (await remove(call, input)) return null;
    throw agentNotFound(input.agent_id);
  },
};
