/**
 * A thread that runs transactions: the writing thread has the one writing connection of the embedded engine, the
 * reading thread takes the long reads. It answers in batches, one message for all calls that a commit settled.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { Fault, faultToWire } from './base/faults.ts';
import { ignoreNodeWarnings } from './base/node-warnings.ts';
import { inTrace } from './base/trace-context.ts';
import type { Config } from './config.ts';
import { Detour } from './core/call/outside.ts';
import type { AnyOperation } from './core/operation.ts';
import { allOperations } from './core/operations.ts';
import { localRunner } from './core/transact.ts';
import { systemClock } from './engines/process/system-clock.ts';
import type { Fence } from './ports/fence.ts';
import { openBlobs, openFencedSql } from './roof/engines.ts';
import { giveBackWhenIdle } from './roof/give-back.ts';
import { auditKeysOf, grantCache } from './roof/parts.ts';
import type {
  ThreadAnswer,
  ThreadCall,
  ThreadJob,
  ThreadMessage,
  ThreadRole,
  ThreadStats,
} from './roof/thread-protocol.ts';

const port = parentPort;
if (!port) throw new Error('thread.ts runs as a worker thread only');
const { role, config, fence } = workerData as { role: ThreadRole; config: Config; fence: Fence };
ignoreNodeWarnings();
const post = (message: ThreadMessage): void => port.postMessage(message);

/** A database that is restored just now, or not there, is no defect of the thread: who needs it comes again. */
function refuse(thrown: unknown): never {
  if (!(thrown instanceof Fault)) throw thrown;
  post({ kind: 'refused', fault: faultToWire(thrown) });
  return process.exit();
}

const sql = await openFencedSql(config, role, {
  fence,
  onBroken: (reason) =>
    post({ kind: 'broken', reason: reason instanceof Error ? (reason.stack ?? reason.message) : String(reason) }),
}).catch(refuse);
const blobs = await openBlobs(config, 'beside').catch(refuse);
const grants = grantCache(config);
const runner = localRunner({
  sql,
  blobs,
  clock: systemClock,
  limits: config.limits,
  grants,
  auditKeys: auditKeysOf(config),
  told: (moves) => post({ kind: 'told', moves }),
  spans: (span) => post({ kind: 'span', span }),
});
/** Parts of an operation that only doors look at. */
type DoorParts = { -readonly [K in 'input' | 'examples' | 'rpc' | 'cli']?: AnyOperation[K] | undefined };

/** Input is parsed before a call comes here. Its schemas are a seventh of what a thread would hold. */
function forgetDoors(operation: AnyOperation): void {
  const parts: DoorParts = operation;
  parts.input = undefined;
  parts.examples = undefined;
  parts.rpc = undefined;
  parts.cli = undefined;
}

allOperations.forEach(forgetDoors);
const byName = new Map<string, AnyOperation>(allOperations.map((operation) => [operation.name, operation]));

let outbox: ThreadAnswer[] = [];

/** All calls that one commit settles resume in the same turn, so their answers leave together. */
function reply(answer: ThreadAnswer): void {
  if (outbox.length === 0) {
    queueMicrotask(() =>
      queueMicrotask(() => {
        const answers = outbox;
        outbox = [];
        post({ kind: 'answers', answers });
      }),
    );
  }
  outbox.push(answer);
}

async function perform(job: ThreadJob): Promise<unknown> {
  if (job.kind === 'stats') {
    const { hits, misses, sets, size, decisions } = grants;
    return { ...sql.stats(), hits, misses, sets, size, decisions } satisfies ThreadStats;
  }
  if (job.kind === 'close') return Promise.all([sql.close(), blobs.close()]);
  const operation = byName.get(job.operation);
  if (!operation) throw new Error(`no operation ${job.operation}`);
  const run = operation.effect === 'read' ? runner.read : runner.write;
  const { context, ready, tracestate } = job;
  return inTrace({ ...context, tracestate }, () => run(operation, ready, context));
}

function answerTo(call: ThreadCall): void {
  perform(call.job).then(
    (output) => {
      if (call.job.kind === 'close') {
        post({ kind: 'answers', answers: [...outbox, { id: call.id }] });
        port?.close();
      } else reply({ id: call.id, output });
    },
    (thrown: unknown) => {
      if (thrown instanceof Fault) reply({ id: call.id, fault: faultToWire(thrown) });
      else if (thrown instanceof Detour) reply({ id: call.id, demand: thrown.demand });
      else reply({ id: call.id, error: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown) });
    },
  );
}

port.on('message', (calls: readonly ThreadCall[]) => {
  for (const call of calls) answerTo(call);
});
giveBackWhenIdle();
post({ kind: 'ready' });
