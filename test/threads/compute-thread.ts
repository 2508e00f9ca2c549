/** A computing thread with the tasks of tests. */
import { parentPort } from 'node:worker_threads';
import { serveTasks } from '../../src/roof/compute-serve.ts';
import { lists } from './tasks.ts';

if (!parentPort) throw new Error('compute-thread.ts runs as a worker thread only');
serveTasks(parentPort, lists);
