/** A6: `rebac_check` by RPC against a bare `node:http` handler with the same bytes (access.md §14). */
import { besideBare, HOW } from './lib/beside-bare.ts';
import { startBenchServer } from './lib/child.ts';

/** The caller asks about itself, a file some folders below the one that it was granted. */
const BODY = JSON.stringify({
  params: { subject: ['user', 'bench'], permission: 'write', object: ['file', '/bench/a/b/c/file.txt'] },
});

export async function run(): Promise<boolean> {
  const nexus = await startBenchServer();
  const { url, key } = nexus.ready;
  console.log(HOW);
  const met = await besideBare(
    url,
    {
      method: 'POST',
      path: '/api/nfs/rebac_check',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: BODY,
    },
    { id: 'A6', what: 'rebac_check, RPC', unit: 'requests/s', bound: { atLeast: 0.6 } },
  );
  await nexus.stop();
  return met;
}
