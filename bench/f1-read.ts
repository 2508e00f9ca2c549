/** F1: 1 KiB read by RPC and by GET against a bare `node:http` handler with the same bytes (files.md §13). */
import { type Child, startBenchServer, startChild } from './lib/child.ts';
import { hasWrk, type Load, runLoad } from './lib/load.ts';
import { measurePairs, printBar, type Side } from './lib/pairs.ts';

const CONNECTIONS = 32;
const SECONDS = 3;
const PAIRS = 5;

async function peerWith(answer: Uint8Array, type: string): Promise<Child<{ url: string }>> {
  return startChild('./bare-http.ts', {
    NEXUS_TEST_BENCH_ANSWER: Buffer.from(answer).toString('base64'),
    NEXUS_TEST_BENCH_TYPE: type,
  });
}

const side = (name: string, load: Load): Side => ({
  name,
  measure: async () => {
    const { perSecond, failures } = await runLoad(load);
    if (failures > 0) throw new Error(`${name}: ${failures} requests failed`);
    return perSecond;
  },
});

export async function run(): Promise<boolean> {
  const nexus = await startBenchServer();
  const { url, key } = nexus.ready;
  const json = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  await fetch(`${url}/api/nfs/write`, {
    method: 'POST',
    headers: json,
    body: JSON.stringify({ params: { path: '/bench/r.txt', content: 'x'.repeat(1024) } }),
  });
  console.log(`load: ${hasWrk ? 'wrk' : 'autocannon'}, ${CONNECTIONS} connections, ${SECONDS} s a run, ${PAIRS} pairs`);
  const rpc = {
    method: 'POST',
    path: '/api/nfs/read',
    body: '{"params":{"path":"/bench/r.txt"}}',
    headers: json,
  } as const;
  const get = {
    method: 'GET',
    path: '/api/v2/files/bench/r.txt',
    headers: { authorization: json.authorization },
  } as const;
  let met = true;
  for (const [name, request] of [
    ['RPC', rpc],
    ['GET', get],
  ] as const) {
    const sample = await fetch(url + request.path, {
      method: request.method,
      headers: request.headers,
      ...('body' in request ? { body: request.body } : {}),
    });
    if (sample.status !== 200) throw new Error(`${name} answers ${sample.status}`);
    const peer = await peerWith(await sample.bytes(), sample.headers.get('content-type') ?? '');
    const ours = side('nexus', { ...request, url, connections: CONNECTIONS, seconds: SECONDS });
    const theirs = side('bare node:http', {
      ...request,
      url: peer.ready.url,
      connections: CONNECTIONS,
      seconds: SECONDS,
    });
    const result = await measurePairs(ours, theirs, PAIRS);
    const bar = { id: 'F1', what: `1 KiB read, ${name}`, unit: 'requests/s', bound: { atLeast: 0.6 } };
    met = printBar(bar, { ours, theirs }, result) && met;
    await peer.stop();
  }
  await nexus.stop();
  return met;
}
