/** The thread that syncs the WAL of one database, so that the writing thread need not wait for the disk (syncs.ts). */
import { workerData } from 'node:worker_threads';
import { Syncs, WalFile } from './syncs.ts';

const { file, shared } = workerData as { file: string; shared: SharedArrayBuffer };
const wal = new WalFile(file);
new Syncs(shared).serve(() => wal.sync());
wal.close();
