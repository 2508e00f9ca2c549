/**
 * The audit log under load: reads and writes a second where calls that changed nothing are logged in batches, against a
 * server whose answers wait for the log (NEXUS_AUDIT_READS=sync); then a flood of refusals, each on disk before it is
 * answered: how many a second, how many rows that leaves, and how far the memory of the server grows.
 */

import { call } from './lib/calls.ts';
import { type BenchServer, type Child, startBenchServer } from './lib/child.ts';
import { openConnections } from './lib/connections.ts';
import { type Load, runLoad } from './lib/load.ts';
import { measuredOnce, measurePairs, printBar, type Side } from './lib/pairs.ts';
import { peakGrowth } from './lib/process-stats.ts';

const CONNECTIONS = 32;
const SECONDS = 3;
const PAIRS = 3;
const FLOOD_MIB_MOST = 64;

type Server = Child<BenchServer>;
type Kind = 'read' | 'write' | 'refused';

const BODIES: Readonly<Record<Kind, readonly [string, string]>> = {
  read: ['read', '{"params":{"path":"/bench/r.txt"}}'],
  write: ['write', '{"params":{"path":"/bench/{n}.txt","content":"{n}"}}'],
  refused: ['read', '{"params":{"path":"/not/mine.txt"}}'],
};

function loadOf({ ready }: Server, kind: Kind): Load {
  const [method, body] = BODIES[kind];
  const headers = { authorization: `Bearer ${ready.key}`, 'content-type': 'application/json' };
  return {
    url: ready.url,
    method: 'POST',
    path: `/api/nfs/${method}`,
    headers,
    body,
    connections: CONNECTIONS,
    seconds: SECONDS,
  };
}

async function perSecond(server: Server, kind: Kind): Promise<number> {
  const result = await runLoad(loadOf(server, kind));
  if (result.failures > 0) throw new Error(`${result.failures} calls failed`);
  return result.perSecond;
}

const sideOf = (name: string, server: Server, kind: Kind): Side => ({ name, measure: () => perSecond(server, kind) });

/** Rows that refusals have left, and how many refusals they stand for. */
async function refusalsOf({ ready }: Server): Promise<{ rows: number; count: number }> {
  const account = { url: ready.url, key: ready.adminKey };
  const page = { outcome: 'denied', object: '/not', limit: 1000 };
  const { entries } = (await call(account, 'audit_list', page)) as { entries: { details: { count: number } }[] };
  return { rows: entries.length, count: entries.reduce((sum, { details }) => sum + details.count, 0) };
}

async function flood(server: Server): Promise<boolean> {
  let rate = 0;
  const pid = server.process.pid ?? 0;
  const grown = await peakGrowth(pid, async () => {
    rate = await perSecond(server, 'refused');
  });
  const { rows, count } = await refusalsOf(server);
  console.log(`refusals, each on disk before its answer: ${rate.toFixed(0)}/s; ${count} of them are ${rows} rows`);
  const mib = grown / 2 ** 20;
  const bar = { id: 'AUDIT', what: 'memory that the flood takes', unit: 'MiB', bound: { atMost: 1 } };
  const sides = { ours: { name: 'nexus' }, theirs: { name: 'what it may take' } };
  return printBar(bar, sides, measuredOnce(mib, FLOOD_MIB_MOST));
}

/** Refusals must cost nobody else's writes: writes a second beside the flood, against writes alone. */
async function beside(server: Server): Promise<boolean> {
  const alone = await perSecond(server, 'write');
  const flooding = openConnections(server.ready, 4);
  const [method, body] = BODIES.refused;
  let going = true;
  const floods = Array.from({ length: 4 }, async () => {
    while (going) await flooding.send({ method: 'POST', path: `/api/nfs/${method}`, body, type: 'application/json' });
  });
  const together = await perSecond(server, 'write');
  going = false;
  await Promise.all(floods);
  flooding.close();
  const bar = {
    id: 'AUDIT',
    what: 'writes beside 4 clients that are refused',
    unit: 'writes/s',
    bound: { atLeast: 0.5 },
  };
  return printBar(bar, { ours: { name: 'beside them' }, theirs: { name: 'alone' } }, measuredOnce(together, alone));
}

export async function run(): Promise<boolean> {
  const batch = await startBenchServer();
  const sync = await startBenchServer({ NEXUS_TEST_BENCH_AUDIT_READS: 'sync' });
  for (const { ready } of [batch, sync])
    await call(ready, 'write', { path: '/bench/r.txt', content: 'x'.repeat(1024) });
  let met = true;
  const bars = [
    ['read', 'reads, logged in batches', 'reads/s', 1.5],
    ['write', 'writes, which are logged alike on both', 'writes/s', 0.8],
  ] as const;
  for (const [kind, what, unit, atLeast] of bars) {
    const [ours, theirs] = [sideOf('batches', batch, kind), sideOf('sync', sync, kind)];
    const result = await measurePairs(ours, theirs, PAIRS);
    met = printBar({ id: 'AUDIT', what, unit, bound: { atLeast } }, { ours, theirs }, result) && met;
  }
  await sync.stop();
  met = (await flood(batch)) && met;
  met = (await beside(batch)) && met;
  await batch.stop();
  return met;
}
