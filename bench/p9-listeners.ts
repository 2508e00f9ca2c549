/**
 * P9: 1,000 listeners to one zone, 20 events a second for a minute, then 1,000 at once (platform.md §9): each gets every
 * event once and in order. `--calls` is the number of seconds.
 */
import { get, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BenchServer, startBenchServer } from './lib/child.ts';
import { measuredOnce, percentile, printBar } from './lib/pairs.ts';

const LISTENERS = 1_000;
const PER_SECOND = 20;
const SECONDS = 60;
const BURST = 1_000;
const P99_MS = 1_000;
const BURST_S = 30;

export async function run({ calls = SECONDS }: { readonly calls?: number | undefined }): Promise<boolean> {
  const nexus = await startBenchServer();
  const latencies: number[] = [];
  const listeners = await Promise.all(Array.from({ length: LISTENERS }, () => listen(nexus.ready, latencies)));
  const steady = calls * PER_SECOND;
  const began = performance.now();
  for (let n = 0; n < steady; n++) {
    await publish(nexus.ready, 1);
    await sleep(Math.max(0, began + ((n + 1) * 1000) / PER_SECOND - performance.now()));
  }
  await Promise.all(listeners.map(({ reached }) => reached(steady)));
  const p99 = percentile(latencies, 0.99);
  const burst = performance.now();
  await publish(nexus.ready, BURST);
  await Promise.all(listeners.map(({ reached }) => reached(steady + BURST)));
  const seconds = (performance.now() - burst) / 1000;
  for (const { answer } of listeners) answer.destroy();
  await nexus.stop();
  const sides = { ours: { name: 'nexus' }, theirs: { name: 'bar' } };
  const what = `${LISTENERS} listeners, each event once and in order`;
  const bound = { atMost: 1 };
  const steadyMet = printBar({ id: 'P9', what: `${what}, p99`, unit: 'ms', bound }, sides, measuredOnce(p99, P99_MS));
  const burstBar = { id: 'P9', what: `${what}, ${BURST} at once`, unit: 's', bound };
  return printBar(burstBar, sides, measuredOnce(seconds, BURST_S)) && steadyMet;
}

async function publish({ url, adminKey }: BenchServer, count: number): Promise<void> {
  const data = { at: performance.timeOrigin + performance.now(), text: 'x'.repeat(200) };
  const answer = await fetch(`${url}/api/v2/events`, {
    method: 'POST',
    headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(Array.from({ length: count }, () => ({ type: 'app.bench', data }))),
  });
  if (answer.status !== 201) throw new Error(await answer.text());
  await answer.arrayBuffer();
}

interface Listener {
  readonly answer: IncomingMessage;
  /** Resolves when so many events have come. */
  readonly reached: (count: number) => Promise<void>;
}

/** Throws, and so ends the bench, where a number comes twice, is left out or comes too late. */
function listen({ url, adminKey }: BenchServer, latencies: number[]): Promise<Listener> {
  const headers = { authorization: `Bearer ${adminKey}` };
  return new Promise((resolve, reject) => {
    get(`${url}/api/v2/events/stream?tail=0&event_types=app.bench`, { headers, agent: false }, (answer) => {
      if (answer.statusCode !== 200) return reject(new Error(`HTTP ${answer.statusCode}`));
      let rest = '';
      let last: number | undefined;
      let count = 0;
      let wanted: { count: number; resolve(): void } | undefined;
      answer.setEncoding('utf8').on('data', (text: string) => {
        const now = performance.timeOrigin + performance.now();
        const lines = (rest + text).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) {
          const number = /^id: root\.(\d+)$/.exec(line)?.[1];
          if (number !== undefined) {
            if (last !== undefined && Number(number) !== last + 1) throw new Error(`${number} came after ${last}`);
            last = Number(number);
            count++;
          }
          const at = /"at":([\d.]+)/.exec(line)?.[1];
          if (at !== undefined) latencies.push(now - Number(at));
        }
        if (wanted && count >= wanted.count) wanted.resolve();
      });
      const reached = (many: number): Promise<void> =>
        new Promise((done) => {
          wanted = { count: many, resolve: done };
          if (count >= many) done();
        });
      resolve({ answer, reached });
    }).on('error', reject);
  });
}
