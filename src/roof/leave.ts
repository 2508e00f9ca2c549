/**
 * What a server does before its listener closes. Guarantees: it is not ready and claims no jobs from the first moment, and
 * still answers whatever comes while balancers learn of that, so that none of them sends a request into nothing. A server that
 * is alone, or that nobody asks whether it is ready, does not wait.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../base/log.ts';
import type { Config } from '../config.ts';
import type { Health } from './health.ts';
import type { Nodes } from './nodes.ts';

/** A balancer that asks each second and believes the second answer needs two seconds and the time of its question. */
const LEAST_MS = 3_000;
/** Answers after which whoever asks has understood. */
const ENOUGH = 3;
const MOST_MS = 10_000;
const LOOK_MS = 50;
/** For the word to the other nodes, which the database may keep waiting. */
const TOLD_MS = 1_000;

export interface Leaving {
  readonly config: Pick<Config, 'DRAIN_SECONDS'>;
  readonly nodes: Pick<Nodes, 'leave' | 'live' | 'onDrain'>;
  readonly health: Pick<Health, 'isWatched' | 'asks'>;
  readonly pending: Set<string>;
  readonly work: { retire(): void };
  readonly log: Log;
}

/** What is given back is called when the server is to stop; whoever wants it to drain is heeded from now on. */
export function mindLeaving(leaving: Leaving): () => Promise<void> {
  const { nodes, pending, work, log } = leaving;
  nodes.onDrain(() => {
    log('info', 'server.draining', {});
    pending.add('draining');
    work.retire();
  });
  return async () => {
    log('info', 'server.stopping', {});
    pending.add('stopping');
    // All servers refuse then: there is none that a balancer could ask instead.
    if (pending.has('restoring')) return;
    work.retire();
    const before = leaving.health.asks;
    await Promise.race([nodes.leave(), sleep(TOLD_MS)]);
    if (nodes.live() > 1 && leaving.health.isWatched()) await understood(leaving, before);
  };
}

/** Balancers that had asked so often before have taken in that the server leaves, or most likely have. */
async function understood({ config, health }: Leaving, before: number): Promise<void> {
  const began = performance.now();
  const most = Math.min(MOST_MS, config.DRAIN_SECONDS * 1000);
  for (let passed = 0; passed < most; passed = performance.now() - began) {
    if (passed >= LEAST_MS && health.asks - before >= ENOUGH) return;
    await sleep(LOOK_MS);
  }
}
