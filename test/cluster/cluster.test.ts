/**
 * Two servers and a worker on one PostgreSQL and one bucket behind HAProxy with the file of deploy/: a rolling restart fails
 * no request, a node that is killed fails what it had in hand, the others tell of it, and nothing acknowledged is lost. The long form:
 * campaign.ts beside this file.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freshDatabase } from '../servers/shared-postgres.ts';
import { freshBucket } from '../servers/shared-s3.ts';
import { blobsUrl } from './places.ts';
import { Cluster, until } from './processes.ts';
import { adminKey, healthOf, killAndReturn, restartInTurn, tells } from './scenes.ts';
import { Traffic } from './traffic.ts';

const PER_SECOND = 40;
const LONGEST_MS = 300_000;

let database: Awaited<ReturnType<typeof freshDatabase>>;
let cluster: Cluster;
let key: string;

beforeAll(async () => {
  database = await freshDatabase();
  const NEXUS_BLOBS_URL = blobsUrl(await freshBucket());
  cluster = new Cluster({ NEXUS_DATABASE_URL: database.url, NEXUS_BLOBS_URL });
  const first = await cluster.addNode();
  key = await adminKey(first);
  await cluster.addNode();
  cluster.addWorker();
  await cluster.addBalancer();
}, LONGEST_MS);
afterAll(async () => {
  await cluster.stop();
  await database.drop();
});

test('a second node needs the two variables and nothing else', async () => {
  // A node that has started is known to the others within a beat.
  for (const node of cluster.nodes)
    await until(
      () => tells(node, 'healthy', 2),
      () => `${node.url} does not see two nodes`,
    );
  const { status, nodes, healthy_nodes } = await healthOf(cluster.url);
  expect([status, nodes.length, healthy_nodes.length]).toEqual(['healthy', 2, 2]);
  const [first, second] = cluster.nodes.map(({ url }) => url);
  const headers = { authorization: `Bearer ${key}` };
  const made = await fetch(`${first}/api/v1/auth/token`, { method: 'POST', headers });
  const { access_token } = (await made.json()) as { access_token: string };
  const there = await fetch(`${second}/api/auth/whoami`, { headers: { authorization: `Bearer ${access_token}` } });
  expect([there.status, await there.json()]).toMatchObject([200, { auth_method: 'jwt' }]);
});

test(
  'a rolling restart fails no request',
  async () => {
    const traffic = new Traffic({ url: cluster.url, key });
    await traffic.seed();
    traffic.start(PER_SECOND);
    expect(await restartInTurn(cluster)).toEqual([0, 0]);
    const { sent, failures } = await traffic.stop();
    expect(failures).toEqual([]);
    expect(sent).toBeGreaterThan(PER_SECOND);
    expect(await traffic.missing()).toEqual([]);
    traffic.close();
  },
  LONGEST_MS,
);

test(
  'a node that is killed is missed; it fails only changes that it had in hand, and nothing acknowledged is lost',
  async () => {
    const traffic = new Traffic({ url: cluster.url, key });
    await traffic.seed();
    traffic.start(PER_SECOND);
    const { died } = await killAndReturn(cluster, cluster.nodes[0]!);
    const { failures } = await traffic.stop();
    expect(failures.filter(({ began }) => began > died)).toEqual([]);
    // What is safe is asked of another node, and what has been sent and changes something is not.
    expect(failures.filter(({ method, path }) => method === 'GET' || path.startsWith('/api/nfs/'))).toEqual([]);
    expect(failures.length).toBeLessThan(PER_SECOND);
    expect(traffic.acknowledged).toBeGreaterThan(PER_SECOND);
    expect(await traffic.missing()).toEqual([]);
    traffic.close();
  },
  LONGEST_MS,
);
