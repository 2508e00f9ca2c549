/** F2: 1 KiB durable writes by 32 clients against a native loop with one write and one fsync per item (files.md §13). */
import { closeSync, fdatasyncSync, fsyncSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { startBenchServer } from './lib/child.ts';
import { runLoad } from './lib/load.ts';
import { measurePairs, median, printBar, type Side } from './lib/pairs.ts';

const CONNECTIONS = 32;
const SECONDS = 4;
const PAIRS = 5;
/** Where the disk syncs more often than this, the bar is an absolute number. */
const FAST_DISK = 2_000;
const FAST_BAR = 6_000;

/** One write and one fsync per item, in a loop, on the disk that the server uses. */
function syncLoop(directory: string, seconds: number): number {
  const file = join(directory, 'sync-loop');
  const descriptor = openSync(file, 'w');
  const item = Buffer.alloc(1024, 'x');
  const end = performance.now() + seconds * 1000;
  let count = 0;
  while (performance.now() < end) {
    writeSync(descriptor, item, 0, item.length, count * item.length);
    fsyncSync(descriptor);
    count++;
  }
  fdatasyncSync(descriptor);
  closeSync(descriptor);
  unlinkSync(file);
  return count / seconds;
}

export async function run(): Promise<boolean> {
  const nexus = await startBenchServer();
  const { url, key, directory } = nexus.ready;
  const ours: Side = {
    name: 'nexus',
    measure: async () => {
      const result = await runLoad({
        url,
        method: 'POST',
        path: '/api/nfs/write',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: `{"params":{"path":"/bench/{n}.txt","content":"{n}${'x'.repeat(1010)}"}}`,
        connections: CONNECTIONS,
        seconds: SECONDS,
      });
      if (result.failures > 0) throw new Error(`${result.failures} writes failed`);
      return result.perSecond;
    },
  };
  const theirs: Side = { name: 'write + fsync loop', measure: async () => syncLoop(directory, 2) };
  const result = await measurePairs(ours, theirs, PAIRS);
  await nexus.stop();
  const fast = median(result.theirs) > FAST_DISK;
  const bar = { id: 'F2', what: '1 KiB write, fsynced before the answer', unit: 'writes/s', bound: { atLeast: 3 } };
  const met = printBar(bar, { ours, theirs }, result);
  if (!fast) return met;
  const enough = median(result.ours) >= FAST_BAR;
  console.log(
    `    the disk syncs more than ${FAST_DISK} times a second: bar ≥ ${FAST_BAR} writes/s: ${enough ? 'met' : 'NOT MET'}`,
  );
  return met || enough;
}
