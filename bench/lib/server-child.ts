/** A server for benches in a process of its own: default, durable configuration, a caller with one folder grant, one with 1,000. */
import { mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLog } from '../../src/roof/log.ts';
import { ADMIN_KEY, startTestServer } from '../../test/harness.ts';

const parent = process.env.NEXUS_TEST_BENCH_DIR ?? tmpdir();
const directory = mkdtempSync(join(parent, 'nexus-bench-'));
// Rates are asked as always, and refuse nobody (files.md §13).
const environment = {
  NEXUS_RATE_LIMIT_OPERATOR_PER_MINUTE: '100000000',
  NEXUS_AUDIT_READS: process.env.NEXUS_TEST_BENCH_AUDIT_READS ?? 'batch',
};
const { log } = openLog('info', 'nexus', openSync(join(directory, 'log'), 'a'));
const server = await startTestServer({ directory, environment, log });
const key = await server.addKey({ subject: 'bench', grants: [['direct_owner', '/bench']] });
const grants = Array.from({ length: 999 }, (_, i) => ['direct_viewer', `/granted/${i}`] as const);
const manyGrantsKey = await server.addKey({ subject: 'many', grants: [['direct_owner', '/bench'], ...grants] });
async function stop(): Promise<void> {
  await server.stop();
  rmSync(directory, { recursive: true, force: true });
  process.exit(0);
}
process.on('message', (message) => {
  if (message === 'stop') void stop();
});
// A bench that failed leaves no server behind.
process.on('disconnect', () => void stop());
process.send?.({ url: server.url, key, manyGrantsKey, adminKey: ADMIN_KEY, directory });
