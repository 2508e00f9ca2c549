/**
 * P5 and P6: uploads of 4 KiB over 8 connections; 256 MiB in one PATCH and in chunks of 8 MiB, with the peak of resident
 * bytes (platform.md §9). The peer syncs nothing at all, so its bytes outlive no loss of power; it keeps no permissions, hashes
 * nothing, and what it has in the end is an upload, and no file with a version and an event.
 */
import { Agent } from 'node:http';
import { ADMIN_KEY } from '../test/crash/program.ts';
import { startChild } from './lib/child.ts';
import { type Bar, measuredOnce, measurePairs, printBar, type Side } from './lib/pairs.ts';
import { cpuSeconds, peakGrowth, residentBytes } from './lib/process-stats.ts';
import { startPublished } from './lib/published.ts';
import { base64, SmallUploads, type TusSide, uploadOne } from './lib/tus-load.ts';

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
  const [nexus, peer] = await Promise.all([startPublished(), startChild<{ url: string }>('./tus-peer.ts')]);
  let n = 0;
  const ours: TusSide = {
    url: `${nexus.url}/api/v2/uploads`,
    headers: { authorization: `Bearer ${nexus.key}` },
    metadata: (at) => `path ${base64(`/bench/uploads/${at}`)}`,
  };
  const theirs: TusSide = { url: peer.ready.url, headers: {}, metadata: (at) => `filename ${base64(`${at}`)}` };
  const pids = { ours: nexus.pid, theirs: peer.process.pid ?? 0 };
  const many = (name: string, side: TusSide): Side => ({
    name,
    measure: () => {
      n += small;
      return manySmall(side, { count: small, first: n });
    },
  });
  const pair = {
    ours: many('nexus, both answers synced, a file at the end', ours),
    theirs: many('@tus/server, its file store, never synced', theirs),
  };
  const bar = { id: 'P5', what: `uploads of 4 KiB, create and PATCH, ${CONNECTIONS} connections`, unit: 'uploads/s' };
  const before = await sqlOf(nexus.url);
  let met = await compare({ ...bar, bound: { atLeast: 2 } }, pair, {
    pids,
    pairs,
    units: small / 1000,
    unit: '1,000 uploads',
  });
  const after = await sqlOf(nexus.url);
  const each = (figure: keyof Sql): string => ((after[figure] - before[figure]) / ((pairs + 1) * small)).toFixed(2);
  console.log(
    `    of an upload: nexus ${each('statements')} statements and ${each('commits')} commits, each of these synced`,
  );
  for (const [how, chunk] of [
    ['one PATCH', large * MiB],
    ['chunks of 8 MiB', CHUNK_BYTES],
  ] as const) {
    const one = (name: string, side: TusSide): Side => ({
      name,
      measure: () => oneLarge(side, { n: n++, mebibytes: large, chunk }),
    });
    const both = { ours: one('nexus', ours), theirs: one('@tus/server', theirs) };
    const rate = { id: 'P6', what: `${large} MiB in ${how}`, unit: 'MiB/s', bound: { atLeast: 1.5 } };
    met = (await compare(rate, both, { pids, pairs, units: large / 1024, unit: 'GiB' })) && met;
    const peaks = [await peak(pids.ours, both.ours), await peak(pids.theirs, both.theirs)] as const;
    const memory = { id: 'P6', what: `peak RSS, ${large} MiB in ${how}`, unit: 'MiB', bound: { atMost: 0.5 } };
    met = printBar(memory, both, measuredOnce(peaks[0].bytes / MiB, peaks[1].bytes / MiB)) && met;
    const grown = peaks.map(({ growth }) => `${(growth / MiB).toFixed(0)} MiB`);
    console.log(`    of that by the upload: nexus ${grown[0]}, @tus/server ${grown[1]}`);
  }
  await Promise.all([nexus.stop(), peer.stop()]);
  return met;
}

interface Sql {
  readonly statements: number;
  readonly commits: number;
}

/** What a server has asked of its database so far. */
async function sqlOf(url: string): Promise<Sql> {
  const answer = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${ADMIN_KEY}` } });
  const text = await answer.text();
  const figure = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
  return { statements: figure('nexus_sql_statements_total'), commits: figure('nexus_commit_duration_seconds_count') };
}

interface Comparing {
  readonly pids: { readonly ours: number; readonly theirs: number };
  readonly pairs: number;
  /** Of one measurement, in what the processor's time is told of. */
  readonly units: number;
  readonly unit: string;
}

/** A bar, and what both sides take of the processor: that says less of who else was on the machine. */
async function compare(bar: Bar, pair: { ours: Side; theirs: Side }, comparing: Comparing): Promise<boolean> {
  const { pids, pairs, units, unit } = comparing;
  const before = { ours: cpuSeconds(pids.ours), theirs: cpuSeconds(pids.theirs) };
  const met = printBar(bar, pair, await measurePairs(pair.ours, pair.theirs, pairs));
  const told = (side: 'ours' | 'theirs'): string =>
    ((cpuSeconds(pids[side]) - before[side]) / ((pairs + 1) * units)).toFixed(2);
  console.log(`    seconds of processor per ${unit}: nexus ${told('ours')}, @tus/server ${told('theirs')}`);
  return met;
}

async function manySmall(side: TusSide, { count, first }: { count: number; first: number }): Promise<number> {
  const began = performance.now();
  let next = 0;
  const lane = async (): Promise<void> => {
    const uploads = new SmallUploads(side);
    while (next < count) await uploads.upload(first + next++, SMALL_BYTES);
    await uploads.close();
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, lane));
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

async function peak(pid: number, side: Side): Promise<{ bytes: number; growth: number }> {
  const before = residentBytes(pid);
  const growth = await peakGrowth(pid, async () => {
    await side.measure();
  });
  return { bytes: before + growth, growth };
}
