/** A request to a server against the same request to a bare `node:http` handler that gives the same bytes. */
import { startChild } from './child.ts';
import { hasWrk, type Load, runLoad } from './load.ts';
import { type Bar, measurePairs, printBar, type Side } from './pairs.ts';

const CONNECTIONS = 32;
const SECONDS = 3;
const PAIRS = 5;

export const HOW = `load: ${hasWrk ? 'wrk' : 'autocannon'}, ${CONNECTIONS} connections, ${SECONDS} s a run, ${PAIRS} pairs`;

const side = (name: string, load: Load): Side => ({
  name,
  measure: async () => {
    const { perSecond, failures } = await runLoad(load);
    if (failures > 0) throw new Error(`${name}: ${failures} requests failed`);
    return perSecond;
  },
});

/** Measures and prints it, and says whether the bar is met. */
export async function besideBare(
  url: string,
  request: Pick<Load, 'method' | 'path' | 'headers' | 'body'>,
  bar: Bar,
): Promise<boolean> {
  const { method, headers, body } = request;
  const sample = await fetch(url + request.path, { method, headers, ...(body === undefined ? {} : { body }) });
  if (sample.status !== 200) throw new Error(`${bar.what} answers ${sample.status}`);
  const peer = await startChild<{ url: string }>('./bare-http.ts', {
    NEXUS_TEST_BENCH_ANSWER: Buffer.from(await sample.bytes()).toString('base64'),
    NEXUS_TEST_BENCH_TYPE: sample.headers.get('content-type') ?? '',
  });
  const load = { ...request, connections: CONNECTIONS, seconds: SECONDS };
  const ours = side('nexus', { ...load, url });
  const theirs = side('bare node:http', { ...load, url: peer.ready.url });
  const met = printBar(bar, { ours, theirs }, await measurePairs(ours, theirs, PAIRS));
  await peer.stop();
  return met;
}
