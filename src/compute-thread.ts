/** A thread that computes what features ask for on plain data (roof/computing.ts): no engine, no configuration. */
import { parentPort } from 'node:worker_threads';
import { ignoreNodeWarnings } from './base/node-warnings.ts';
import { streamTasks, tasks } from './features/corpus/tasks.ts';
import { fileTasks } from './features/files/tasks.ts';
import { serveTasks } from './roof/compute-serve.ts';

if (!parentPort) throw new Error('compute-thread.ts runs as a worker thread only');
ignoreNodeWarnings();
serveTasks(parentPort, { tasks: [...tasks, ...fileTasks], streamTasks });
