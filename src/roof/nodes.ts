/**
 * How many servers share the database. Guarantees: a server that starts or ends cleanly counts within a beat, one that dies
 * within {@link GONE_MS}; while the database is out of reach the last number holds.
 */
import { newId } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import { type Config, sqliteFileOf } from '../config.ts';
import type { Runner } from '../core/transact.ts';
import { beatNode, leaveNode } from '../features/jobs/nodes.operations.ts';
import { systemSteps } from './system.ts';

const BEAT_MS = 2_000;
const GONE_MS = 10_000;

export interface Nodes {
  /** No other server has this database, now or later. */
  readonly alone: boolean;
  /** This server among the others. */
  readonly node_id: string | undefined;
  live(): number;
  stop(): Promise<void>;
}

export interface NodesParts {
  readonly config: Config;
  readonly runner: Runner;
  readonly log: Log;
}

export function joinNodes({ config, runner, log }: NodesParts): Nodes {
  if (sqliteFileOf(config) !== undefined)
    return { alone: true, node_id: undefined, live: () => 1, stop: async () => undefined };
  const step = systemSteps(runner);
  const node_id = newId('node');
  let count = 1;
  const beat = async (): Promise<void> => {
    try {
      count = await step(beatNode, 'root', { node_id, gone_ms: GONE_MS });
    } catch (thrown) {
      log('warn', 'node.beat-failed', { err: String(thrown) });
    }
  };
  let beating: Promise<void> | undefined;
  const tick = (): void => {
    beating ??= beat().finally(() => {
      beating = undefined;
    });
  };
  tick();
  const timer = setInterval(tick, BEAT_MS);
  return {
    alone: false,
    node_id,
    live: () => count,
    stop: async () => {
      clearInterval(timer);
      await beating;
      await step(leaveNode, 'root', { node_id }).catch((thrown: unknown) => {
        log('warn', 'node.leave-failed', { err: String(thrown) });
      });
    },
  };
}
