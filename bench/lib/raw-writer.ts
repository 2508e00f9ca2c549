/** A bare writing thread for bench/writer.ts: group commit with synchronous=FULL, no domain around it. */
import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';

const db = new DatabaseSync((workerData as { file: string }).file);
for (const pragma of ['journal_mode=WAL', 'synchronous=FULL', 'wal_autocheckpoint=0']) db.exec(`PRAGMA ${pragma}`);
const insert = db.prepare('INSERT INTO items (id, v) VALUES (?, ?)');
const bulk = db.prepare('UPDATE items SET n = n + 1 WHERE id <= 100000');
let queue: (number | 'bulk')[] = [];

function commit(): void {
  const batch = queue;
  queue = [];
  db.exec('BEGIN IMMEDIATE');
  for (const id of batch) {
    if (id === 'bulk') bulk.run();
    else insert.run(id, Buffer.alloc(1024, 'x'));
  }
  db.exec('COMMIT');
  parentPort?.postMessage(batch);
}

parentPort?.on('message', (ids: (number | 'bulk')[]) => {
  if (queue.length === 0) setImmediate(commit);
  queue.push(...ids);
});
parentPort?.postMessage('ready');
