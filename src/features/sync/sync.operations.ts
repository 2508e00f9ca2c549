/**
 * Push, pull, status and conflicts, as clients ask for them (platform.md §5). Guarantees: each needs write at the mount point, a
 * zone admin anything; a store is touched by jobs alone; who asks for what is under way already gets its answer.
 */
import { z } from 'zod';
import { isoTime } from '../../base/clock.ts';
import { readCursor, writeCursor } from '../../base/cursor.ts';
import { Fault } from '../../base/faults.ts';
import { isUuid } from '../../base/ids.ts';
import { parseJson } from '../../base/parse-json.ts';
import { idText } from '../../base/texts.ts';
import { type Call, type Operation, ofBrick, type StoredBytes } from '../../core/operation.ts';
import { contentTypeOf } from '../files/write.operations.ts';
import { isFinal } from '../jobs/job.ts';
import { findJob } from '../jobs/jobs.sql.ts';
import { pageParam, placeParam } from '../jobs/params.ts';
import { ENDED, WAITING } from '../jobs/topics.ts';
import { waitFor } from '../jobs/wait-for.ts';
import { countPending } from '../mounts/known.sql.ts';
import { findMount, type MountRow } from '../mounts/mounts.sql.ts';
import { type ConflictObject, conflictObject, conflictShape } from './conflict-object.ts';
import { type ConflictRow, findConflict, findContent, listConflicts } from './conflicts.sql.ts';
import type { Resolution } from './decide.ts';
import { joinOrQueue, metricsOf, syncJobSteps } from './job-steps.operations.ts';
import { listSomePending } from './pending.sql.ts';
import { settle, syncSteps } from './steps.operations.ts';
import { removeSyncOf } from './sync.finalizers.ts';
import { typeOf } from './sync-jobs.ts';
import {
  askedParams,
  isResult,
  metricsShape,
  mountParam,
  resolutionParam,
  resultOf,
  type SyncOutput,
  type SyncResult,
  syncOutput,
} from './sync-shapes.ts';
import type { Action } from './syncer.ts';

const ROOT = '/api/v2/sync';
/** A call waits so long for its job (platform.md §5). */
const WAIT_SECONDS = 50;

const OPERATOR = { role: 'operator' } as const;
/** Write at a mount point is asked for, not done: a mount may be read-only. */
const UNGATED = { ungated: true } as const;

const syncInput = z.object({
  mount_point: mountParam.default('/').describe('where the store is mounted'),
  ...askedParams,
  wait: z.boolean().default(true).describe('wait for the end, up to 50 seconds'),
});
type SyncInput = z.infer<typeof syncInput>;

const mapMount = <I extends { readonly mount_point: string; readonly paths?: readonly string[] | undefined }>(
  input: I,
  map: (path: string) => string,
): I => ({ ...input, mount_point: map(input.mount_point), ...(input.paths && { paths: input.paths.map(map) }) });

const mountNotFound = (mount_point: string): Fault =>
  new Fault('MOUNT_NOT_FOUND', `Mount not found: ${mount_point}`, { mount_point });

/** Undefined is the root mount, of which Nexus itself is the store. */
async function getMount(call: Call, mount_point: string): Promise<MountRow | undefined> {
  if (mount_point === '/') return undefined;
  const mount = await findMount(call.tx, call.zone.zone_id, mount_point);
  if (!mount) throw mountNotFound(call.shown(mount_point));
  return mount;
}

async function begin(call: Call, action: Action, input: SyncInput): Promise<SyncOutput> {
  const { mount_point, resolution, paths, dry_run } = input;
  const mount = await getMount(call, mount_point);
  const idle =
    !mount || (action === 'push' && (mount.readonly === 1 || (await countPending(call.tx, mount.mount_id)) === 0));
  if (idle) {
    const told = { action, mount_point: call.shown(mount_point), dry_run, duration_ms: 0 };
    return resultOf({ ...told, metrics: await metricsOf(call, mount) }, undefined);
  }
  const payload = JSON.stringify({ mount_point, resolution, paths, dry_run });
  const { job_id, status } = await joinOrQueue(call, { mount, type: typeOf(action), payload });
  return { action, mount_point: call.shown(mount_point), task_id: job_id, status };
}

const outcomeInput = z.object({ task_id: z.string() });
const outcome = z.object({ status: z.string(), result: z.string().nullable(), error: z.string().nullable() });

const jobOutcome: Operation<z.infer<typeof outcomeInput>, z.infer<typeof outcome>> = {
  name: 'sync.outcome',
  summary: 'Say what came of the job of a push or a pull.',
  effect: 'read',
  who: OPERATOR,
  internal: true,
  input: outcomeInput,
  output: outcome,
  faults: [],
  run: async ({ tx, zone }, { task_id }) => {
    const job = await findJob(tx, zone.zone_id, task_id);
    return { status: job?.status ?? 'cancelled', result: job?.result ?? null, error: job?.error ?? null };
  },
};

type Streaming = Parameters<NonNullable<Operation<unknown, unknown>['linger']>>[1];
type Outcome = z.infer<typeof outcome>;

/** Until the job has ended, or the time is over. */
const outcomeOf = async (streaming: Streaming, task_id: string): Promise<Outcome> => {
  const look = (): Promise<Outcome> => streaming.run(jobOutcome, { task_id });
  const isEnough = ({ status }: Outcome): boolean => isFinal(status as Parameters<typeof isFinal>[0]);
  return waitFor(streaming, await look(), { seconds: WAIT_SECONDS, topic: ENDED, look, isEnough });
};

/** What the job gave, with paths as they were asked for; a Fault where it failed. */
function endOf({ status, result, error }: Outcome, prefix: string): SyncResult | undefined {
  if (!isFinal(status as Parameters<typeof isFinal>[0])) return undefined;
  if (result === null) throw new Fault('UNAVAILABLE', error ?? `The job was ${status}`, { reason: 'job_failed' });
  const ended = parseJson(result) as SyncResult;
  if (prefix === '') return ended;
  const shown = (path: string): string => prefix + path;
  const conflicts = ended.conflicts.map((one) => ({
    ...one,
    path: shown(one.path),
    mount_point: shown(one.mount_point),
  }));
  const errors = ended.errors.map((one) => ({ ...one, path: shown(one.path) }));
  return { ...ended, mount_point: shown(ended.mount_point), conflicts, errors };
}

const sync = (action: Action): Operation<SyncInput, SyncOutput> => ({
  ...UNGATED,
  name: `sync.${action}`,
  summary:
    action === 'push'
      ? 'Push what was changed in a mount to its store.'
      : 'Pull what was changed in the store of a mount.',
  effect: 'write',
  who: OPERATOR,
  input: syncInput,
  output: syncOutput,
  faults: ['MOUNT_NOT_FOUND', 'UNAVAILABLE', 'TOO_MANY'],
  http: {
    method: 'POST',
    path: `${ROOT}/mounts/:mount_point/${action}`,
    statusOf: (output) => (isResult(output) ? 200 : 202),
  },
  cli: { words: `sync ${action}`, args: ['mount_point'] },
  mapPaths: mapMount,
  needs: ({ mount_point }) => [{ permission: 'write', path: mount_point }],
  object: ({ mount_point }) => mount_point,
  rings: (output) => (isResult(output) ? undefined : WAITING),
  run: (call, input) => begin(call, action, input),
  lingers: (input) => (input as SyncInput).wait,
  linger: async (output, streaming) => {
    if (isResult(output)) return output;
    const ended = await outcomeOf(streaming, output.task_id);
    return endOf(ended, streaming.context.path_prefix) ?? { ...output, status: ended.status };
  },
});

const PENDING_MOST = 1_000;

const statusOutput = z.object({
  mount_point: z.string(),
  pending: z.array(z.object({ path: z.string(), change: z.string(), since: z.string() })),
  open_conflicts: z.number(),
  metrics: metricsShape,
});

const onlyMount = z.object({ mount_point: mountParam.default('/').describe('where the store is mounted') });

const status: Operation<z.infer<typeof onlyMount>, z.infer<typeof statusOutput>> = {
  ...UNGATED,
  name: 'sync.status',
  tool: 'get_sync_status',
  summary: 'Say what of a mount its store has not got yet, and what came of pushes and pulls.',
  effect: 'read',
  who: { role: 'viewer' },
  input: onlyMount,
  output: statusOutput,
  faults: ['MOUNT_NOT_FOUND'],
  http: { method: 'GET', path: `${ROOT}/mounts/:mount_point/status` },
  cli: { words: 'sync status', args: ['mount_point'] },
  mapPaths: mapMount,
  needs: ({ mount_point }) => [{ permission: 'write', path: mount_point }],
  run: async (call, { mount_point }) => {
    const mount = await getMount(call, mount_point);
    const pending = mount ? await listSomePending(call.tx, mount.mount_id, PENDING_MOST) : [];
    const metrics = await metricsOf(call, mount);
    return {
      mount_point: call.shown(mount_point),
      pending: pending.map(({ path, change, since }) => ({ path: call.shown(path), change, since: isoTime(since) })),
      open_conflicts: metrics.open_conflicts,
      metrics,
    };
  },
};

const CONFLICTS_MAX = 1_000;
const CONFLICTS_DEFAULT = 100;
const CURSOR = 'conflicts';

const listInput = z.object({
  mount_point: mountParam.optional().describe('only of this mount'),
  status: z.enum(['open', 'resolved']).optional().describe('only conflicts that are so'),
  limit: pageParam(CONFLICTS_MAX, CONFLICTS_DEFAULT),
  cursor: z.string().optional().describe('next_cursor of the page before'),
});

const listOutput = z.object({
  conflicts: z.array(conflictShape),
  next_cursor: z.string().nullable(),
  has_more: z.boolean(),
});

const list: Operation<z.infer<typeof listInput>, z.infer<typeof listOutput>> = {
  name: 'conflict.list',
  summary: 'List conflicts of mounts, of those paths that the caller may read, newest first.',
  effect: 'read',
  who: { role: 'viewer' },
  input: listInput,
  output: listOutput,
  faults: ['INVALID_CURSOR'],
  http: { method: 'GET', path: `${ROOT}/conflicts` },
  cli: { words: 'conflict list' },
  mapPaths: (input, map) => ({
    ...input,
    ...(input.mount_point !== undefined && { mount_point: map(input.mount_point) }),
  }),
  run: async (call, { mount_point, status, limit, cursor }) => {
    const before = cursor === undefined ? undefined : readCursor(CURSOR, cursor, placeParam);
    const { zone_id } = call.zone;
    const shown = await call.access.readable();
    const rows = await listConflicts(call.tx, { zone_id, mount_point, status, before, shown, limit: limit + 1 });
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    const has_more = rows.length > limit;
    const place = last && { created_at: last.detected_at, id: last.conflict_id };
    return {
      conflicts: page.map((row) => conflictObject(row, call.shown)),
      next_cursor: has_more && place ? writeCursor(CURSOR, place) : null,
      has_more,
    };
  },
};

const id = idText.describe('id of the conflict');
const onlyId = z.object({ id });

/** The same answer for an unknown id and for one whose path the caller may not read. */
export async function getConflict(call: Call, asked: string): Promise<ConflictRow> {
  const row = isUuid(asked) ? await findConflict(call.tx, call.zone.zone_id, asked.toLowerCase()) : undefined;
  if (row && (await call.access.allows('read', row.path))) return row;
  const shown = asked.slice(0, 64);
  throw new Fault('CONFLICT_NOT_FOUND', `Conflict not found: ${shown}`, { conflict_id: shown });
}

const get: Operation<z.infer<typeof onlyId>, ConflictObject> = {
  name: 'conflict.get',
  summary: 'Show a conflict with its three sides.',
  effect: 'read',
  who: { role: 'viewer' },
  input: onlyId,
  output: conflictShape,
  faults: ['CONFLICT_NOT_FOUND'],
  http: { method: 'GET', path: `${ROOT}/conflicts/:id` },
  cli: { words: 'conflict get', args: ['id'] },
  run: async (call, asked) => conflictObject(await getConflict(call, asked.id), call.shown),
};

const contentInput = z.object({ id, side: z.enum(['local', 'remote']).describe('whose content') });
const contentOutput = z.object({
  path: z.string(),
  content_type: z.string(),
  content: z.custom<StoredBytes>((value) => typeof value === 'object' && value !== null),
});

export type ConflictContent = z.infer<typeof contentOutput>;

const DAY_MS = 86_400_000;

const content: Operation<z.infer<typeof contentInput>, ConflictContent> = {
  name: 'conflict.content',
  summary: 'Read the content of one side of a conflict.',
  effect: 'read',
  who: { role: 'viewer' },
  ownDoor: true,
  input: contentInput,
  output: contentOutput,
  faults: ['CONFLICT_NOT_FOUND', 'FILE_NOT_FOUND', 'CONTENT_GONE'],
  run: async (call, { id, side }) => {
    const row = await getConflict(call, id);
    if (row[`${side}_etag`] === null) {
      throw new Fault(
        'FILE_NOT_FOUND',
        `The ${side} side of conflict ${row.conflict_id} was a removal: it has no content`,
        {
          path: call.shown(row.path),
        },
      );
    }
    const old = row.resolved_at !== null && row.resolved_at < call.now - call.limits.CONFLICT_DAYS * DAY_MS;
    const found = old ? undefined : await findContent(call.tx, row.conflict_id, side);
    if (!found) {
      throw new Fault(
        'CONTENT_GONE',
        `The content of the ${side} side of conflict ${row.conflict_id} is not kept any more`,
        {
          conflict_id: row.conflict_id,
          side,
        },
      );
    }
    return { path: call.shown(row.path), content_type: contentTypeOf(row.path), content: found };
  },
};

const resolveInput = z.object({ id, resolution: resolutionParam });
const resolveOutput = conflictShape.extend({ task_id: z.string().optional() });
type Resolved = z.infer<typeof resolveOutput>;

const resolve: Operation<z.infer<typeof resolveInput>, Resolved> = {
  ...UNGATED,
  name: 'conflict.resolve',
  summary: 'Settle a conflict: keep ours, theirs, or both.',
  effect: 'write',
  who: OPERATOR,
  input: resolveInput,
  output: resolveOutput,
  faults: ['CONFLICT_NOT_FOUND', 'CONFLICT', 'UNAVAILABLE', 'TOO_MANY'],
  http: {
    method: 'POST',
    path: `${ROOT}/conflicts/:id/resolve`,
    statusOf: ({ status }) => (status === 'resolved' ? 200 : 202),
  },
  cli: { words: 'conflict resolve', args: ['id', 'resolution'] },
  object: ({ id }) => id,
  rings: () => WAITING,
  run: async (call, { id, resolution }) => {
    const row = await getConflict(call, id);
    await call.access.require([{ permission: 'write', path: row.mount_point }]);
    if (row.status === 'resolved') throw alreadyResolved(row);
    const { mount_point, path, conflict_id } = row;
    const mount = await findMount(call.tx, call.zone.zone_id, mount_point);
    if (mount?.mount_id !== row.mount_id) return closeOrphan(call, row, resolution);
    const payload = JSON.stringify({ mount_point, resolution, paths: [path], dry_run: false, conflict_id });
    const { job_id } = await joinOrQueue(call, { mount, type: typeOf('push'), payload });
    return { ...conflictObject(row, call.shown), task_id: job_id };
  },
  linger: async (output, streaming, asked) => {
    if (output.task_id === undefined) return output;
    const ended = endOf(await outcomeOf(streaming, output.task_id), '');
    if (!ended) return output;
    const [error] = ended.errors;
    if (error) throw new Fault('UNAVAILABLE', error.message, { path: error.path, code: error.code });
    return streaming.run(afterResolution, { id: (asked as z.infer<typeof resolveInput>).id });
  },
};

/** Its mount is gone: there is no store to change any more, and what the store had is kept like any side that was replaced. */
async function closeOrphan(call: Call, row: ConflictRow, resolution: Resolution): Promise<Resolved> {
  await settle(call, { conflict_id: row.conflict_id, resolution, lost: 'remote' });
  return conflictObject(await getConflict(call, row.conflict_id), call.shown);
}

function alreadyResolved({ conflict_id, resolution, successor }: ConflictRow): Fault {
  const why =
    successor === null
      ? `Conflict ${conflict_id} was settled before${resolution === null ? '' : `, with ${resolution}`}`
      : `The store has changed again: conflict ${successor} is in the place of ${conflict_id}`;
  return new Fault('CONFLICT', why, { reason: 'RESOLVED', resolution, conflict_id: successor ?? conflict_id });
}

/** What became of it; CONFLICT where another one has taken its place. */
const afterResolution: Operation<z.infer<typeof onlyId>, Resolved> = {
  name: 'conflict.after',
  summary: 'Show a conflict that was settled.',
  effect: 'read',
  who: OPERATOR,
  internal: true,
  input: onlyId,
  output: resolveOutput,
  faults: ['CONFLICT'],
  run: async (call, asked) => {
    const row = await getConflict(call, asked.id);
    if (row.successor !== null) throw alreadyResolved(row);
    return conflictObject(row, call.shown);
  },
};

export const syncOperations = [
  ...ofBrick('sync', [sync('push'), sync('pull'), status, list, get, content, resolve]),
  jobOutcome,
  afterResolution,
  ...syncSteps,
  ...syncJobSteps,
  removeSyncOf,
] as const;
