/**
 * The servers that share a database are listed, drained and forgotten (workflows.md §7, §13). Guarantees: the last one that
 * serves is not drained; only one that is down is forgotten, and one that turns out to live is listed again.
 */
import { z } from 'zod';
import { isoTime } from '../../base/clock.ts';
import { Fault } from '../../base/faults.ts';
import { idText } from '../../base/texts.ts';
import type { HealthBody, NodeObject, NodeStatus } from '../../core/call/cluster.ts';
import type { Call, Operation, Preparation } from '../../core/operation.ts';
import { queueTime } from '../jobs/clock.sql.ts';
import { DOWN_MS, drainNode, listNodes, type NodeRow, removeNode } from './nodes.sql.ts';

const isSilent = ({ beat_at }: NodeRow, now: number): boolean => now - beat_at > DOWN_MS;

const nodeStatusOf = (row: NodeRow, now: number): NodeStatus => {
  if (isSilent(row, now)) return 'down';
  if (row.draining === 1) return 'draining';
  return row.serves === 1 ? 'healthy' : 'down';
};

export const nodeObject = (row: NodeRow, now: number): NodeObject => ({
  id: row.node_id,
  region: row.region,
  version: row.version,
  status: nodeStatusOf(row, now),
  last_seen: isoTime(row.beat_at),
});

const nodeShape = z.object({
  id: z.string(),
  region: z.string().nullable(),
  version: z.string(),
  status: z.enum(['healthy', 'down', 'draining']),
  last_seen: z.string(),
});

const healthShape = z.object({
  status: z.enum(['healthy', 'degraded', 'unhealthy', 'starting']),
  healthy: z.boolean(),
  service: z.literal('nexus'),
  version: z.string(),
  node: z.string(),
  region: z.string().nullable(),
  enforce_permissions: z.boolean(),
  enforce_zone_isolation: z.boolean(),
  has_auth: z.boolean(),
  nodes: z.array(nodeShape),
  healthy_nodes: z.array(z.string()),
});

const ROOT = '/api/v2/cluster';
const WHO = { who: 'root admin', zone: 'caller' } as const;

interface Seen {
  readonly health: HealthBody;
}

const cluster: Operation<Record<string, never>, z.infer<typeof healthShape>, Seen> = {
  ...WHO,
  name: 'cluster.get',
  tool: 'list_nodes',
  summary: 'Show the servers that share the database, and whether all is well.',
  effect: 'read',
  input: z.object({}),
  output: healthShape,
  faults: [],
  http: { method: 'GET', path: ROOT },
  cli: { words: 'node list' },
  prepare: async (_input, call) => ({ health: await call.cluster.health() }),
  run: async (_call, { health }) => ({ ...health, nodes: [...health.nodes], healthy_nodes: [...health.healthy_nodes] }),
};

const one = z.object({ id: idText.describe('id of the node, as the list has it') });
interface Named extends z.infer<typeof one> {
  /** The only server that can be; undefined where there may be others. */
  readonly only: NodeObject | undefined;
}

const named = async ({ id }: z.infer<typeof one>, { cluster: view }: Preparation): Promise<Named> => ({
  id,
  only: view.alone ? (await view.health()).nodes[0] : undefined,
});

interface Listed {
  readonly node: NodeObject;
  /** It is not heard of; one that is may be down since it cannot serve. */
  readonly silent: boolean;
}

async function listedNodes(call: Call, { only }: Named): Promise<Listed[]> {
  if (only) return [{ node: only, silent: false }];
  const now = await queueTime(call);
  return (await listNodes(call.tx)).map((row) => ({ node: nodeObject(row, now), silent: isSilent(row, now) }));
}

function getNode(nodes: readonly Listed[], id: string): Listed {
  const found = nodes.find(({ node }) => node.id === id);
  if (!found)
    throw new Fault(
      'NOT_FOUND',
      `Node ${id.slice(0, 200).toWellFormed()} not found; nexus node list has those there are`,
    );
  return found;
}

const drain: Operation<z.infer<typeof one>, z.infer<typeof nodeShape>, Named> = {
  ...WHO,
  name: 'node.drain',
  summary: 'Let a server get no more work, so that it can be stopped: it is not ready and claims no jobs.',
  effect: 'write',
  input: one,
  output: nodeShape,
  faults: ['NOT_FOUND', 'CONFLICT'],
  http: { method: 'POST', path: `${ROOT}/nodes/:id/drain` },
  cli: { words: 'node drain', args: ['id'] },
  object: ({ id }) => id,
  prepare: named,
  run: async (call, asked) => {
    const nodes = await listedNodes(call, asked);
    const { node, silent } = getNode(nodes, asked.id);
    if (node.status === 'draining') return node;
    if (silent) throw new Fault('CONFLICT', `Node ${node.id} is down: remove it`, { reason: 'DOWN' });
    if (!nodes.some((other) => other.node.id !== node.id && other.node.status === 'healthy')) {
      throw new Fault('CONFLICT', `Node ${node.id} is the only one that serves: start another first, or stop it`, {
        reason: 'LAST_NODE',
      });
    }
    await drainNode(call.tx, node.id);
    return { ...node, status: 'draining' };
  },
};

const remove: Operation<z.infer<typeof one>, z.infer<typeof nodeShape>, Named> = {
  ...WHO,
  name: 'node.remove',
  summary: 'Forget a server that is down and does not come back.',
  effect: 'destroy',
  input: one,
  output: nodeShape,
  faults: ['NOT_FOUND', 'CONFLICT'],
  http: { method: 'DELETE', path: `${ROOT}/nodes/:id` },
  cli: { words: 'node remove', args: ['id'] },
  object: ({ id }) => id,
  prepare: named,
  run: async (call, asked) => {
    const { node, silent } = getNode(await listedNodes(call, asked), asked.id);
    if (!silent) {
      throw new Fault('CONFLICT', `Node ${node.id} is there: drain and stop it, and it is gone by itself`, {
        reason: 'ALIVE',
      });
    }
    await removeNode(call.tx, node.id);
    return node;
  },
};

export const clusterOperations = [cluster, drain, remove] as const;
