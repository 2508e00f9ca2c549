/**
 * The long form of cluster.test.ts: `node test/cluster/campaign.ts [--nodes 3] [--rate 100] [--minutes 5]`. Starts PostgreSQL, a
 * store that speaks S3, the nodes, a worker and HAProxy; restarts the nodes one after the other, then kills one after the other,
 * again and again, and prints what it saw. Exit code 1 where something acknowledged is missing, a restart failed a request, or
 * the kills together failed one request of a thousand: around one of them there are fewer than that.
 */
import { parseArgs } from 'node:util';
import { createDatabase, startPostgres } from '../servers/postgres.ts';
import { createBucket, startS3 } from '../servers/s3.ts';
import { blobsUrl } from './places.ts';
import { Cluster } from './processes.ts';
import { adminKey, killAndReturn, restartInTurn } from './scenes.ts';
import { type Report, Traffic } from './traffic.ts';

const options = { nodes: { type: 'string' }, rate: { type: 'string' }, minutes: { type: 'string' } } as const;
const { values } = parseArgs({ options });
const [nodes, rate, minutes] = [values.nodes ?? 3, values.rate ?? 100, values.minutes ?? 5].map(Number) as [
  number,
  number,
  number,
];

const say = (text: string): void => console.log(`${new Date().toISOString().slice(11, 19)} ${text}`);
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

function tell(what: string, { sent, failures, slowest }: Report): void {
  const share = ((100 * failures.length) / Math.max(1, sent)).toFixed(3);
  say(`${what}: ${sent} requests, ${failures.length} failed (${share} %), slowest ${seconds(slowest)}`);
  for (const { method, path, what: why } of failures.slice(0, 20)) say(`  ${method} ${path}: ${why}`);
}

const [postgres, store] = await Promise.all([startPostgres(128), startS3()]);
const database = await createDatabase(postgres);
const NEXUS_BLOBS_URL = blobsUrl({ endpoint: store.endpoint, bucket: await createBucket(store.endpoint) });
const cluster = new Cluster({ NEXUS_DATABASE_URL: database.url, NEXUS_BLOBS_URL });
let failed = false;
const killed = { sent: 0, failures: 0 };
try {
  for (let n = 0; n < nodes; n++) await cluster.addNode();
  cluster.addWorker();
  await cluster.addBalancer();
  const place = { url: cluster.url, key: await adminKey(cluster.nodes[0]!) };
  const until = performance.now() + minutes * 60_000;
  for (let round = 0; round === 0 || performance.now() < until; round++) {
    const restarts = new Traffic(place);
    await restarts.seed();
    restarts.start(rate);
    const began = performance.now();
    const codes = await restartInTurn(cluster);
    say(`restarted ${codes.length} nodes in ${seconds(performance.now() - began)}, exit codes ${codes.join(' ')}`);
    const quiet = await restarts.stop();
    tell('rolling restart', quiet);
    const kills = new Traffic(place);
    kills.start(rate);
    const seen = await killAndReturn(cluster, cluster.nodes[round % nodes]!);
    const loud = await kills.stop();
    tell(
      `killed a node, degraded after ${seconds(seen.degraded)}, healthy ${seconds(seen.healthy)} after its return`,
      loud,
    );
    const missing = [...(await restarts.missing()), ...(await kills.missing())];
    say(
      `${restarts.acknowledged + kills.acknowledged} acknowledged writes, ${missing.length} missing ${missing.slice(0, 5).join('; ')}`,
    );
    restarts.close();
    kills.close();
    killed.sent += loud.sent;
    killed.failures += loud.failures.length;
    failed ||= quiet.failures.length > 0 || missing.length > 0;
  }
  const share = ((100 * killed.failures) / killed.sent).toFixed(3);
  say(`all kills: ${killed.sent} requests, ${killed.failures} failed (${share} %, under 0.1 wanted)`);
  failed ||= killed.failures >= killed.sent / 1000;
} finally {
  await cluster.stop();
  await Promise.all([postgres.stop(), store.stop()]);
}
process.exitCode = failed ? 1 : 0;
