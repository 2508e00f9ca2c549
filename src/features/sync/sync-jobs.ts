/**
 * Pushes and pulls as jobs of the queue. Guarantees: of one mount one runs at a time, on however many nodes; whoever submitted it
 * has to be permitted to write at the mount point, then and when it runs; one that dies is done again from where it was.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { Fault } from '../../base/faults.ts';
import { plainText } from '../../base/texts.ts';
import type { Operation } from '../../core/operation.ts';
import type { JobRun, JobType } from '../jobs/job-types.ts';
import { recordSync, startSync } from './job-steps.operations.ts';
import { type SyncParts, Tally } from './run.ts';
import { type Begun, beginSync } from './steps.operations.ts';
import { askedParams, mountParam, resultOf, type SyncResult } from './sync-shapes.ts';
import { type Action, type Ran, runSync } from './syncer.ts';

const payload = z.object({
  mount_point: mountParam.describe('where the store is mounted'),
  ...askedParams,
  conflict_id: plainText.optional().describe('settle only this conflict'),
});
export type SyncPayload = z.infer<typeof payload>;

/** How often it looks whether it is its turn, in milliseconds. */
const TURN_MS = 200;

export const typeOf = (action: Action): string => `sync_${action}`;

const syncType = (action: Action, description: string): JobType<SyncPayload> => ({
  type: typeOf(action),
  description,
  input: payload,
  role: 'operator',
  brick: 'sync',
  needs: ({ mount_point }) => [{ permission: 'write', path: mount_point }],
  run: (asked, run) => runJob(action, asked, run),
});

export const syncPush = syncType('push', 'Pushes what was changed in a mount to its store.');
export const syncPull = syncType('pull', 'Pulls what was changed in the store of a mount.');

async function runJob(action: Action, asked: SyncPayload, run: JobRun): Promise<SyncResult> {
  const { zone_id, job_id, attempt, signal, tools } = run;
  const { mount_point, dry_run } = asked;
  const step = <I, O>(operation: Operation<I, O>, input: I): Promise<O> => tools.step(operation, zone_id, input);
  const began = performance.now();
  while (!(await step(startSync, { mount_point, job_id, attempt }))) await sleep(TURN_MS, undefined, { signal });
  const begun = await step(beginSync, { mount_point });
  if (!begun) throw new Fault('MOUNT_NOT_FOUND', `Mount not found: ${mount_point}`, { mount_point });
  const ran = await withStore(begun, run, (backend) =>
    runSync({ mount: begun.mount, backend, blobs: tools.blobs, limits: tools.limits, step, signal }, begun, {
      action,
      ...asked,
      resolution: asked.resolution ?? strategyOf(begun),
      paths: asked.paths,
    }),
  );
  const { metrics } = await step(recordSync, { mount_point, action, dry_run, ...figuresOf(ran) });
  const duration_ms = Math.round(performance.now() - began);
  return resultOf({ action, mount_point, dry_run, duration_ms, metrics }, ran);
}

const strategyOf = ({ mount }: Begun): SyncPayload['resolution'] =>
  payload.shape.resolution.catch(undefined).parse(mount.conflict_strategy ?? undefined);

/** A store that is out of reach is a result: all that waits for it has failed. */
async function withStore(
  { mount, pending }: Begun,
  { zone_id, tools }: JobRun,
  work: (backend: SyncParts['backend']) => Promise<Ran>,
): Promise<Ran> {
  try {
    const reached = await tools.reach(zone_id, mount.mount_id);
    if (reached) return await work(reached.backend);
  } catch (thrown) {
    if (!(thrown instanceof Fault && thrown.code === 'UNAVAILABLE')) throw thrown;
    return unreached(pending.length === 0 ? [mount.mount_point] : pending.map(({ path }) => path), thrown);
  }
  const { mount_point } = mount;
  throw new Fault('MOUNT_NOT_FOUND', `Mount not found: ${mount_point}`, { mount_point });
}

function unreached(paths: readonly string[], { code, message }: Fault): Ran {
  const tally = new Tally();
  for (const path of paths) tally.fail({ path, code, message });
  return { tally, error: message };
}

const figuresOf = ({ tally, error }: Ran) => ({
  pushed: tally.pushed,
  failed: tally.failed,
  detected: tally.detected,
  resolved: tally.resolved,
  error,
});
