/** F1: 1 KiB read by RPC and by GET against a bare `node:http` handler with the same bytes (files.md §13). */
import { besideBare, HOW } from './lib/beside-bare.ts';
import { startBenchServer } from './lib/child.ts';

const BAR = { id: 'F1', unit: 'requests/s', bound: { atLeast: 0.6 } } as const;

export async function run(): Promise<boolean> {
  const nexus = await startBenchServer();
  const { url, key } = nexus.ready;
  const authorization = `Bearer ${key}`;
  const json = { authorization, 'content-type': 'application/json' };
  await fetch(`${url}/api/nfs/write`, {
    method: 'POST',
    headers: json,
    body: JSON.stringify({ params: { path: '/bench/r.txt', content: 'x'.repeat(1024) } }),
  });
  console.log(HOW);
  const rpc = await besideBare(
    url,
    { method: 'POST', path: '/api/nfs/read', body: '{"params":{"path":"/bench/r.txt"}}', headers: json },
    { ...BAR, what: '1 KiB read, RPC' },
  );
  const get = await besideBare(
    url,
    { method: 'GET', path: '/api/v2/files/bench/r.txt', headers: { authorization } },
    { ...BAR, what: '1 KiB read, GET' },
  );
  await nexus.stop();
  return rpc && get;
}
