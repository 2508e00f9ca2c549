/** P4: from the call that queues a task to its start, one after the other on an idle PostgreSQL queue (platform.md §9). */
import { createDatabase, startPostgres } from '../test/servers/postgres.ts';
import { openGraphile } from './lib/job-peers.ts';
import { openNexusQueue } from './lib/job-queues.ts';
import { measuredOnce, median, percentile, printBar } from './lib/pairs.ts';

const SAMPLES = 1_000;
/** Taken in turn, so that both see the same machine. */
const SLICES = 10;
/** Without a pause, so that the code of both is compiled as in a server that is not new. */
const WARM_UP = 1_500;
const P99_MS_MAX = 20;
/** What PostgreSQL takes where nobody says. */
const BUFFERS_MIB = 128;

export async function run({ calls: samples = SAMPLES }: { readonly calls?: number | undefined }): Promise<boolean> {
  const postgres = await startPostgres(BUFFERS_MIB);
  const nexus = await openNexusQueue('postgres', (await createDatabase(postgres)).url, true);
  const graphile = await openGraphile((await createDatabase(postgres)).url);
  try {
    const ours: number[] = [];
    const theirs: number[] = [];
    await nexus.latencies(WARM_UP, 0);
    await graphile.latencies(WARM_UP, 0);
    for (let slice = 0; slice < SLICES; slice++) {
      ours.push(...(await nexus.latencies(samples / SLICES)));
      theirs.push(...(await graphile.latencies(samples / SLICES)));
    }
    const sides = { ours: { name: 'Nexus' }, theirs: { name: graphile.name } };
    const bar = { id: 'P4', what: `enqueue → start, ${ours.length} samples, p50`, unit: 'ms', bound: { atMost: 0.5 } };
    const met = printBar(bar, sides, measuredOnce(median(ours), median(theirs)));
    const p99 = percentile(ours, 0.99);
    console.log(`    own p99 ${p99.toFixed(1)} ms, bar ≤ ${P99_MS_MAX} ms: ${p99 <= P99_MS_MAX ? 'met' : 'NOT MET'}`);
    return met && p99 <= P99_MS_MAX;
  } finally {
    await graphile.close();
    await nexus.close();
    await postgres.stop();
  }
}
