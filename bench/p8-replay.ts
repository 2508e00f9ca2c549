/** P8: replay of 1,000,000 events as NDJSON, every line counted (platform.md §9). `--calls` is the number of events. */
import { get } from 'node:http';
import { type BenchServer, startBenchServer } from './lib/child.ts';
import { measuredOnce, median, printBar } from './lib/pairs.ts';

const EVENTS = 1_000_000;
const BAR = 200_000;
const RUNS = 5;
/** Events of one call that publishes, and such calls at a time. */
const BATCH = 1_000;
const AT_A_TIME = 4;

export async function run({ calls = EVENTS }: { readonly calls?: number | undefined }): Promise<boolean> {
  const nexus = await startBenchServer();
  await publishAll(nexus.ready, calls);
  await replay(nexus.ready);
  const rates: number[] = [];
  for (let i = 0; i < RUNS; i++) {
    const began = performance.now();
    const lines = await replay(nexus.ready);
    if (lines < calls) throw new Error(`${lines} events of ${calls}`);
    rates.push((lines * 1000) / (performance.now() - began));
  }
  await nexus.stop();
  const bar = { id: 'P8', what: `replay of ${calls} events`, unit: 'events/s', bound: { atLeast: 1 } };
  return printBar(bar, { ours: { name: 'nexus' }, theirs: { name: 'bar' } }, measuredOnce(median(rates), BAR));
}

async function publishAll({ url, adminKey }: BenchServer, count: number): Promise<void> {
  const headers = { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' };
  let left = count;
  const publisher = async (): Promise<void> => {
    while (left > 0) {
      const length = Math.min(BATCH, left);
      left -= length;
      const body = JSON.stringify(
        Array.from({ length }, (_, i) => ({
          type: 'app.bench',
          path: `/bench/folder/file-${i}.txt`,
          data: { i, via: 'bench' },
        })),
      );
      const answer = await fetch(`${url}/api/v2/events`, { method: 'POST', headers, body });
      if (answer.status !== 201) throw new Error(await answer.text());
      await answer.arrayBuffer();
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, publisher));
}

const NEWLINE = 10;

/** Lines that came. */
function replay({ url, adminKey }: BenchServer): Promise<number> {
  const headers = { authorization: `Bearer ${adminKey}`, accept: 'application/x-ndjson' };
  return new Promise((resolve, reject) => {
    const asked = get(`${url}/api/v2/events/replay`, { headers }, (answer) => {
      let lines = 0;
      answer.on('data', (bytes: Buffer) => {
        for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) lines++;
      });
      answer.on('end', () => resolve(lines));
      answer.on('error', reject);
    });
    asked.on('error', reject);
  });
}
