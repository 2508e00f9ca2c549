/**
 * The choice behind engines/sqlite/writer.ts: a writing thread with synchronous=FULL, or group commit on the event loop
 * with synchronous=NORMAL and fdatasync of an own descriptor of the WAL. Durable 1 KiB inserts by 32 clients, and the
 * longest pause of the event loop while a transaction changes 100,000 rows.
 */
import { closeSync, fdatasync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { measurePairs, printBar, type Side } from './lib/pairs.ts';

const CLIENTS = 32;
const SECONDS = 2;
const ROWS = 100_000;

interface Engine {
  insert(id: number): Promise<void>;
  /** One transaction that changes 100,000 rows. */
  bulk(): Promise<void>;
  close(): Promise<void>;
}

function prepareFile(): string {
  const file = join(mkdtempSync(join(tmpdir(), 'nexus-writer-')), 'db');
  const db = new DatabaseSync(file);
  db.exec('PRAGMA journal_mode=WAL; CREATE TABLE items (id INTEGER PRIMARY KEY, n INTEGER DEFAULT 0, v BLOB)');
  db.exec(
    `WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < ${ROWS}) INSERT INTO items (id, v) SELECT i, zeroblob(16) FROM c`,
  );
  db.close();
  return file;
}

async function threadEngine(): Promise<Engine> {
  const file = prepareFile();
  const worker = new Worker(new URL('./lib/raw-writer.ts', import.meta.url), { workerData: { file } });
  const waiting = new Map<number | 'bulk', () => void>();
  let outbox: (number | 'bulk')[] = [];
  await new Promise((resolve) => worker.once('message', resolve));
  worker.on('message', (ids: (number | 'bulk')[]) => {
    for (const id of ids) {
      waiting.get(id)?.();
      waiting.delete(id);
    }
  });
  const send = (id: number | 'bulk'): Promise<void> =>
    new Promise((resolve) => {
      waiting.set(id, resolve);
      if (outbox.length === 0) {
        setImmediate(() => {
          worker.postMessage(outbox);
          outbox = [];
        });
      }
      outbox.push(id);
    });
  return {
    insert: send,
    bulk: () => send('bulk'),
    close: async () => {
      await worker.terminate();
      rmSync(file, { force: true });
    },
  };
}

async function loopEngine(): Promise<Engine> {
  const file = prepareFile();
  const db = new DatabaseSync(file);
  for (const pragma of ['synchronous=NORMAL', 'wal_autocheckpoint=0']) db.exec(`PRAGMA ${pragma}`);
  const insert = db.prepare('INSERT INTO items (id, v) VALUES (?, ?)');
  const bulk = db.prepare(`UPDATE items SET n = n + 1 WHERE id <= ${ROWS}`);
  insert.run(-1, Buffer.alloc(1));
  const wal = openSync(`${file}-wal`, 'r+');
  const sync = promisify(fdatasync);
  let queue: { readonly work: () => void; readonly done: () => void }[] = [];
  let running = false;
  const pump = async (): Promise<void> => {
    running = true;
    while (queue.length > 0) {
      await new Promise((resolve) => setImmediate(resolve));
      const batch = queue;
      queue = [];
      db.exec('BEGIN IMMEDIATE');
      for (const one of batch) one.work();
      db.exec('COMMIT');
      await sync(wal);
      for (const one of batch) one.done();
    }
    running = false;
  };
  const send = (work: () => void): Promise<void> =>
    new Promise((done) => {
      queue.push({ work, done });
      if (!running) void pump();
    });
  return {
    insert: (id) => send(() => insert.run(id, Buffer.alloc(1024, 'x'))),
    bulk: () => send(() => bulk.run()),
    close: async () => {
      closeSync(wal);
      db.close();
      rmSync(file, { force: true });
    },
  };
}

let nextId = 1_000_000;

async function insertsPerSecond(engine: Engine): Promise<number> {
  let count = 0;
  const end = performance.now() + SECONDS * 1000;
  const client = async (): Promise<void> => {
    while (performance.now() < end) {
      await engine.insert(++nextId);
      count++;
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return count / SECONDS;
}

/** Longest delay of the event loop, in milliseconds, while the bulk transaction runs. */
async function longestPause(engine: Engine): Promise<number> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  // The monitor measures from one of its ticks to the next: it needs a first one.
  await new Promise((resolve) => setTimeout(resolve, 10));
  await engine.bulk();
  await new Promise((resolve) => setTimeout(resolve, 20));
  delay.disable();
  return delay.max / 1e6;
}

export async function run(): Promise<boolean> {
  const thread = await threadEngine();
  const loop = await loopEngine();
  const side = (name: string, engine: Engine, measure: (engine: Engine) => Promise<number>): Side => ({
    name,
    measure: () => measure(engine),
  });
  const writes = {
    ours: side('thread, FULL', thread, insertsPerSecond),
    theirs: side('event loop, NORMAL + fdatasync', loop, insertsPerSecond),
  };
  const pauses = {
    ours: side('thread, FULL', thread, longestPause),
    theirs: side('event loop, NORMAL + fdatasync', loop, longestPause),
  };
  const writesBar = {
    id: 'writer',
    what: 'durable 1 KiB inserts, 32 clients',
    unit: 'inserts/s',
    bound: { atLeast: 0.8 },
  };
  const pauseBar = {
    id: 'writer',
    what: 'longest pause of the event loop during 100,000 changed rows',
    unit: 'ms',
    bound: { atMost: 0.2 },
  };
  const fastEnough = printBar(writesBar, writes, await measurePairs(writes.ours, writes.theirs, 5));
  const calm = printBar(pauseBar, pauses, await measurePairs(pauses.ours, pauses.theirs, 5));
  await Promise.all([thread.close(), loop.close()]);
  return fastEnough && calm;
}
