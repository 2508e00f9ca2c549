/**
 * P5 and P6: uploads of 4 KiB over 8 connections; 256 MiB in one PATCH and in chunks of 8 MiB, with the peak of resident
 * bytes (platform.md §9). The peer answers before the sync, keeps no permissions and hashes nothing.
 */
import { Agent } from 'node:http';
import { startBenchServer, startChild } from './lib/child.ts';
import { measuredOnce, measurePairs, printBar, type Side } from './lib/pairs.ts';
import { peakGrowth, residentBytes } from './lib/process-stats.ts';
import { base64, type TusSide, uploadOne } from './lib/tus-load.ts';

const MiB = 1024 * 1024;
const CONNECTIONS = 8;
const SMALL_BYTES = 4096;
const LARGE_MIB = 256;
const CHUNK_BYTES = 8 * MiB;

/** `calls`: small uploads of one measurement, whose large ones have an eighth of that in MiB; for a quick look. */
export async function run({ calls }: { readonly calls?: number | undefined }): Promise<boolean> {
  const small = calls ?? 2_000;
  const large = calls === undefined ? LARGE_MIB : Math.max(16, Math.round(calls / 8));
  const pairs = calls === undefined ? 5 : 1;
  const [nexus, peer] = await Promise.all([startBenchServer(), startChild<{ url: string }>('./tus-peer.ts')]);
  let n = 0;
  const ours: TusSide = {
    url: `${nexus.ready.url}/api/v2/uploads`,
    headers: { authorization: `Bearer ${nexus.ready.key}` },
    metadata: (at) => `path ${base64(`/bench/uploads/${at}`)}`,
  };
  const theirs: TusSide = { url: peer.ready.url, headers: {}, metadata: (at) => `filename ${base64(`${at}`)}` };
  const many = (name: string, side: TusSide): Side => ({
    name,
    measure: () => {
      n += small;
      return manySmall(side, { count: small, first: n });
    },
  });
  const sides = [many('nexus, synced, a file at the end', ours), many('@tus/server, its file store', theirs)] as const;
  const bar = { id: 'P5', what: `uploads of 4 KiB, create and PATCH, ${CONNECTIONS} connections`, unit: 'uploads/s' };
  const result = await measurePairs(...sides, pairs);
  let met = printBar({ ...bar, bound: { atLeast: 2 } }, { ours: sides[0], theirs: sides[1] }, result);
  for (const [how, chunk] of [
    ['one PATCH', large * MiB],
    ['chunks of 8 MiB', CHUNK_BYTES],
  ] as const) {
    const one = (name: string, side: TusSide): Side => ({
      name,
      measure: () => oneLarge(side, { n: n++, mebibytes: large, chunk }),
    });
    const pair = { ours: one('nexus', ours), theirs: one('@tus/server', theirs) };
    const rate = { id: 'P6', what: `${large} MiB in ${how}`, unit: 'MiB/s', bound: { atLeast: 1.5 } };
    met = printBar(rate, pair, await measurePairs(pair.ours, pair.theirs, pairs)) && met;
    const peaks = [await peak(nexus.process.pid, pair.ours), await peak(peer.process.pid, pair.theirs)] as const;
    const memory = { id: 'P6', what: `peak RSS, ${large} MiB in ${how}`, unit: 'MiB', bound: { atMost: 0.5 } };
    met = printBar(memory, pair, measuredOnce(...peaks)) && met;
  }
  await Promise.all([nexus.stop(), peer.stop()]);
  return met;
}

async function manySmall(side: TusSide, { count, first }: { count: number; first: number }): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const began = performance.now();
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await uploadOne(side, { n: first + next++, bytes: SMALL_BYTES, chunk: SMALL_BYTES, agent });
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, lane));
  agent.destroy();
  return count / ((performance.now() - began) / 1000);
}

interface Large {
  readonly n: number;
  readonly mebibytes: number;
  readonly chunk: number;
}

async function oneLarge(side: TusSide, { n, mebibytes, chunk }: Large): Promise<number> {
  const agent = new Agent({ keepAlive: true });
  const began = performance.now();
  await uploadOne(side, { n, bytes: mebibytes * MiB, chunk, agent });
  agent.destroy();
  return mebibytes / ((performance.now() - began) / 1000);
}

async function peak(pid: number | undefined, side: Side): Promise<number> {
  if (pid === undefined) throw new Error('the server has no process');
  const before = residentBytes(pid);
  const growth = await peakGrowth(pid, async () => {
    await side.measure();
  });
  return (before + growth) / MiB;
}
