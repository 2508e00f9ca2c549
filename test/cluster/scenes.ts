/** What a cluster goes through under traffic, for the test and for the command. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Cluster, type ClusterNode, until } from './processes.ts';

/** What makes an admin key on this machine, and works nowhere else. */
const WELL_KNOWN = 'nexus-dev-admin-key';

export interface Health {
  readonly status: string;
  readonly nodes: readonly { readonly id: string; readonly status: string }[];
  readonly healthy_nodes: readonly string[];
}

export const healthOf = async (url: string): Promise<Health> =>
  (await fetch(`${url}/health`)).json() as Promise<Health>;

/** A key that works through a balancer too. */
export async function adminKey({ url }: ClusterNode): Promise<string> {
  const answer = await fetch(`${url}/api/nfs/admin_create_key`, {
    method: 'POST',
    headers: { authorization: `Bearer ${WELL_KNOWN}`, 'content-type': 'application/json' },
    body: JSON.stringify({ params: { name: 'cluster', role: 'admin' } }),
  });
  return ((await answer.json()) as { result: { key: string } }).result.key;
}

/** Does a node say that so many serve? */
export async function tells(node: ClusterNode, status: string, healthy: number): Promise<boolean> {
  const health = await healthOf(node.url);
  return health.status === status && health.healthy_nodes.length === healthy;
}

/** One after the other is told to stop, and started again when it has; exit codes, which should be 0. */
export async function restartInTurn(cluster: Cluster): Promise<(number | null)[]> {
  const codes: (number | null)[] = [];
  for (const node of cluster.nodes) {
    codes.push(await node.end('SIGTERM'));
    await node.start();
    await balanced(cluster);
  }
  return codes;
}

/** HAProxy sends requests to all nodes, and has had a moment to do so. */
async function balanced(cluster: Cluster): Promise<void> {
  await until(
    () => cluster.balances(cluster.nodes.length),
    () => 'HAProxy does not see all nodes',
  );
  await sleep(500);
}

/** Milliseconds until each was seen, and when the node had died, of the monotonic clock. */
export interface Seen {
  readonly died: number;
  readonly degraded: number;
  readonly healthy: number;
}

/** A node dies, is missed by the others, and comes back. */
export async function killAndReturn(cluster: Cluster, victim: ClusterNode): Promise<Seen> {
  const all = cluster.nodes.length;
  const witness = cluster.nodes.find((node) => node !== victim) ?? victim;
  await victim.end('SIGKILL');
  const died = performance.now();
  await until(
    () => tells(witness, 'degraded', all - 1),
    () => 'the others do not miss it',
  );
  const degraded = performance.now() - died;
  const returned = performance.now();
  await victim.start();
  await until(
    () => tells(witness, 'healthy', all),
    () => 'the others do not see that it is back',
  );
  const healthy = performance.now() - returned;
  await balanced(cluster);
  return { died, degraded, healthy };
}
