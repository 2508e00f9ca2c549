/** A server for benches in a process of its own: default, durable configuration, a caller with one folder grant. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestServer } from '../../test/harness.ts';

const parent = process.env.NEXUS_TEST_BENCH_DIR ?? tmpdir();
const directory = mkdtempSync(join(parent, 'nexus-bench-'));
const server = await startTestServer({ directory });
const key = await server.addKey({ subject: 'bench', grants: [['direct_owner', '/bench']] });
process.on('message', async (message) => {
  if (message === 'memory') process.send?.({ memory: process.memoryUsage.rss() });
  if (message !== 'stop') return;
  await server.stop();
  rmSync(directory, { recursive: true, force: true });
  process.exit(0);
});
process.send?.({ url: server.url, key, directory });
