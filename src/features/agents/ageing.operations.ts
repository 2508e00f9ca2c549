/**
 * Agents that are no longer heard of, as steps of the server itself (platform.md §1.2). Guarantees: each lapse is told once,
 * on however many nodes: it is told and marked in one transaction of its zone; agents that are heard of cost one look for
 * each time that they might have lapsed, however often they beat.
 */
import { z } from 'zod';
import type { Operation } from '../../core/operation.ts';
import { rowFinalizer } from '../zones/sweep.operations.ts';
import { isStale, looked, staleMs } from './agent.ts';
import { listDue, listDueZones, removeAgents, saveLooks } from './agents.sql.ts';
import { lapseEvent } from './lifecycle.operations.ts';
import { deleteExpired, listExpiringZones, removeMailboxes } from './mailbox.sql.ts';

const STEP = { who: 'root admin', internal: true, anyZone: true, faults: [] } as const;
/** Rows of one transaction: short enough that other writes hardly wait. */
const SLICE_ROWS = 500;

const nothing = z.object({});
const zoneIds = z.object({ lapses: z.array(z.string()), messages: z.array(z.string()) });

export const dueAgents: Operation<z.infer<typeof nothing>, z.infer<typeof zoneIds>> = {
  ...STEP,
  name: 'agent.due',
  summary: 'List the zones in which agents may have lapsed, or messages expired.',
  effect: 'read',
  input: nothing,
  output: zoneIds,
  run: async ({ tx, now }) => ({
    lapses: await listDueZones(tx, now),
    messages: await listExpiringZones(tx, now),
  }),
};

const rest = z.object({ left: z.boolean() });

export const ageAgents: Operation<z.infer<typeof nothing>, z.infer<typeof rest>> = {
  ...STEP,
  name: 'agent.age',
  summary: 'Tell which agents of a zone have lapsed.',
  effect: 'write',
  grows: true,
  input: nothing,
  output: rest,
  run: async (call) => {
    const { tx, zone, now } = call;
    if (zone.phase !== 'Active') return { left: false };
    const at = { now, limit: staleMs(call.limits) };
    const due = await listDue(tx, zone.zone_id, { before: now, limit: SLICE_ROWS });
    const lapsed = due.filter((agent) => isStale(agent, at));
    for (const agent of lapsed) call.event(lapseEvent(agent));
    const again = due.filter((agent) => looked(agent, at).due_at !== null);
    await saveLooks(tx, zone.zone_id, {
      told: due.filter((agent) => !again.includes(agent)).map(({ agent_id }) => agent_id),
      again: again.map(({ agent_id }) => agent_id),
      limit: at.limit,
    });
    if (lapsed.length > 0)
      call.audit({ agents: lapsed.slice(0, 100).map(({ agent_id }) => agent_id), count: lapsed.length });
    return { left: due.length === SLICE_ROWS };
  },
};

export const expireMessages: Operation<z.infer<typeof nothing>, z.infer<typeof rest>> = {
  ...STEP,
  name: 'inbox.expire',
  summary: 'Remove messages of a zone whose time is over.',
  effect: 'destroy',
  input: nothing,
  output: rest,
  run: async ({ tx, zone, now }) => ({
    left: (await deleteExpired(tx, { zone_id: zone.zone_id, now, rows: SLICE_ROWS })) === SLICE_ROWS,
  }),
};

export const removeAgentsOf = rowFinalizer('agents', async (tx, zone_id, rows) => {
  const removed = await removeAgents(tx, zone_id, rows);
  return removed < rows ? removed + (await removeMailboxes(tx, zone_id, rows - removed)) : removed;
});

export const agentHousekeeping = [dueAgents, ageAgents, expireMessages, removeAgentsOf] as const;
