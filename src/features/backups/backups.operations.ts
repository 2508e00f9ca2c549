/**
 * Backups are made, listed, verified, configured, and the state becomes that of one (workflows.md §13). Guarantees: whoever
 * asks for one and is killed finds it made all the same; what is at the destination is what is listed.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { Fault } from '../../base/faults.ts';
import { idText, plainText } from '../../base/texts.ts';
import { type Operation, ofBrick, type Preparation, type Streaming } from '../../core/operation.ts';
import type { Depot } from '../../ports/depot.ts';
import { queueTime } from '../jobs/clock.sql.ts';
import { listUnfinished } from '../jobs/house.sql.ts';
import { enqueueHousework } from '../jobs/queue.ts';
import { HOUSEWORK } from '../jobs/topics.ts';
import { type BackupObject, backupOf, backupShape, damagedObject, runObject } from './backup-object.ts';
import { isOverdue } from './figures.ts';
import { backupIdOf, getManifest, listManifests } from './manifest.ts';
import { checkSchedule, hasSameSchedule, keepPlan, planShape, RETENTION_DAYS_MAX, readPlan } from './plan.ts';
import { findRun, newestRuns, type RunRow, saveRun } from './runs.sql.ts';
import { newRun } from './runs.ts';
import { backupSteps } from './steps.operations.ts';
import { verifyBackup } from './verify.ts';
import { zoneTransferOperations } from './zone-transfer.operations.ts';

/** The type of the server's own jobs that makes them. */
export const BACKUP_JOB = 'backup';

const ROOT = '/api/v2/backups';
const WHO = { who: 'root admin', zone: 'caller' } as const;
const STEP = { who: 'root admin', internal: true, faults: [] } as const;
const nothing = z.object({});
type Nothing = z.infer<typeof nothing>;

export const planStep: Operation<z.infer<typeof fallback>, z.infer<typeof planShape>> = {
  ...STEP,
  name: 'backup.plan',
  summary: 'Say when backups are made and where they go.',
  effect: 'read',
  input: z.object({ destination: z.string() }),
  output: planShape,
  run: ({ tx }, { destination }) => readPlan(tx, destination),
};
const fallback = z.object({ destination: z.string() });

type Desk = Pick<Preparation | Streaming, 'backups' | 'run'>;

/** Where backups go now. */
const destinationOf = async (desk: Desk): Promise<string> =>
  (await desk.run(planStep, { destination: desk.backups.destination })).destination;

async function atDepot<T>(desk: Desk, work: (depot: Depot) => Promise<T>): Promise<T> {
  const depot = await desk.backups.open(await destinationOf(desk));
  try {
    return await work(depot);
  } finally {
    await depot.close();
  }
}

const getPlan: Operation<Nothing, z.infer<typeof planShape>, { readonly destination: string }> = {
  ...WHO,
  name: 'backup.config',
  tool: 'get_backup_config',
  summary: 'Show when backups are made, where they go and for how long they are kept.',
  effect: 'read',
  input: nothing,
  output: planShape,
  faults: [],
  http: { method: 'GET', path: `${ROOT}/config` },
  cli: { words: 'backup config' },
  prepare: async (_input, { backups }) => ({ destination: backups.destination }),
  run: ({ tx }, { destination }) => readPlan(tx, destination),
};

const days = z.int().min(1).max(RETENTION_DAYS_MAX);
const changes = z.object({
  schedule: plainText.max(100).optional().describe('cron line, as 0 2 * * *'),
  timezone: plainText.max(64).optional().describe('of the schedule, as Europe/Berlin'),
  retention_days: days.optional().describe('days for which one is kept; the newest good one always is'),
  retention: days.optional().describe('the same'),
  destination: plainText.max(1_024).optional().describe('absolute directory, or s3://bucket/prefix'),
  enabled: z.boolean().optional().describe('follow the schedule; true unless given'),
});
type Changes = z.infer<typeof changes>;

const setPlan: Operation<Changes, z.infer<typeof planShape>, Changes & { readonly fallback: string }> = {
  ...WHO,
  name: 'backup.configure',
  tool: 'set_backup_config',
  summary: 'Say when backups are made, where they go and for how long they are kept.',
  effect: 'write',
  input: changes,
  output: planShape,
  faults: [],
  http: { method: 'PUT', path: `${ROOT}/config` },
  cli: { words: 'backup configure' },
  prepare: async (input, { backups }) => {
    if (input.destination !== undefined) await backups.probe(input.destination);
    return { ...input, fallback: backups.destination };
  },
  run: async (call, { fallback: destination, retention, enabled = true, ...given }) => {
    const before = await readPlan(call.tx, destination);
    const plan = planShape.parse({ ...before, retention_days: retention ?? before.retention_days, ...given, enabled });
    checkSchedule(plan);
    const since = hasSameSchedule(before, plan) ? before.since : await queueTime(call);
    await keepPlan(call.tx, { ...plan, since });
    return plan;
  },
};

const creating = z.object({
  wait: z.boolean().default(true).describe('answer when it is made; else at once, and it is made all the same'),
});
interface Create {
  readonly id: string;
  readonly fallback: string;
}

const create: Operation<z.infer<typeof creating>, BackupObject, Create> = {
  ...WHO,
  name: 'backup.create',
  summary: 'Make a backup of all zones now.',
  effect: 'write',
  input: creating,
  output: backupShape,
  faults: ['UNAVAILABLE'],
  http: { method: 'POST', path: ROOT, status: 201 },
  cli: { words: 'backup now' },
  object: ({ id }) => id,
  rings: () => HOUSEWORK,
  prepare: async (_input, { backups }) => ({ id: randomBytes(4).toString('hex'), fallback: backups.destination }),
  run: async (call, { id: random, fallback: destination }) => {
    const now = await queueTime(call);
    const plan = await readPlan(call.tx, destination);
    const row = newRun({ backup_id: backupIdOf(now, random), reason: 'asked', destination: plan.destination }, now);
    await saveRun(call.tx, row);
    if ((await listUnfinished(call.tx, BACKUP_JOB)).length === 0) await enqueueHousework(call, { type: BACKUP_JOB });
    return runObject(row);
  },
  lingers: (input) => (input as z.infer<typeof creating>).wait,
  linger: async ({ id }, streaming) => {
    const row = await ended(streaming, id);
    if (row.status === 'failed') throw new Fault('UNAVAILABLE', `The backup failed: ${row.error}`, { backup: id });
    return row.ended_at === null
      ? runObject(row)
      : atDepot(streaming, async (depot) => backupOf(await getManifest(depot, id)));
  },
};

/** How often it looks. */
const LOOK_MS = 200;

/** The row when it is over, or as it is when nobody waits any more. */
async function ended(streaming: Streaming, backup_id: string): Promise<RunRow> {
  for (;;) {
    const row = await streaming.sql.read((tx) => findRun(tx, backup_id));
    if (!row) throw new Fault('BACKUP_NOT_FOUND', `No backup ${backup_id}`);
    if (row.ended_at !== null || streaming.signal.aborted) return row;
    await sleep(LOOK_MS);
  }
}

const listing = z.object({
  backups: z.array(backupShape),
  destination: z.string(),
  overdue: z.boolean().describe('one that the schedule asked for is missing'),
});
type Listing = z.infer<typeof listing>;
const RUNS_SHOWN = 100;

const list: Operation<Nothing, Listing, Omit<Listing, 'overdue'>> = {
  ...WHO,
  name: 'backup.list',
  summary: 'List backups, newest first, and those that are being made or failed.',
  effect: 'read',
  input: nothing,
  output: listing,
  faults: ['UPSTREAM_FAILED'],
  http: { method: 'GET', path: ROOT },
  cli: { words: 'backup list' },
  prepare: async (_input, preparation) => {
    const destination = await destinationOf(preparation);
    const { manifests, damaged } = await atDepot(preparation, listManifests);
    return { destination, backups: [...manifests.map(backupOf), ...damaged.map(damagedObject)] };
  },
  run: async (call, { backups, destination }) => {
    const { tx } = call;
    const known = new Set(backups.map(({ id }) => id));
    const runs = (await newestRuns(tx, RUNS_SHOWN)).filter(({ status }) => status !== 'succeeded').map(runObject);
    const all = [...backups, ...runs.filter(({ id }) => !known.has(id))];
    const overdue = await isOverdue(tx, await readPlan(tx, destination), await queueTime(call));
    return { destination, overdue, backups: all.sort((one, other) => (one.id < other.id ? 1 : -1)) };
  },
};

const one = z.object({ ref: idText.describe('id of a backup, or latest') });
type One = z.infer<typeof one>;

const get: Operation<One, BackupObject, One & { readonly found: BackupObject | undefined }> = {
  ...WHO,
  name: 'backup.get',
  summary: 'Show a backup, or how far it is.',
  effect: 'read',
  input: one,
  output: backupShape,
  faults: ['BACKUP_NOT_FOUND', 'BACKUP_DAMAGED', 'UPSTREAM_FAILED'],
  http: { method: 'GET', path: `${ROOT}/:ref` },
  cli: { words: 'backup get', args: ['ref'] },
  prepare: async (input, preparation) => {
    const row = await preparation.sql.read((tx) => findRun(tx, input.ref));
    if (row && row.status !== 'succeeded') return { ...input, found: runObject(row) };
    return {
      ...input,
      found: await atDepot(preparation, async (depot) => backupOf(await getManifest(depot, input.ref))),
    };
  },
  run: async (_call, { found, ref }) => {
    if (found) return found;
    throw new Fault('BACKUP_NOT_FOUND', `No backup ${ref.slice(0, 64).toWellFormed()}`);
  },
};

const verdict = z.object({ id: z.string(), ok: z.boolean(), objects: z.number(), bytes: z.number() });

const verify: Operation<One, z.infer<typeof verdict>> = {
  ...WHO,
  name: 'backup.verify',
  summary: 'Read every byte of a backup and compare it with what was written.',
  effect: 'read',
  input: one,
  output: verdict,
  faults: ['BACKUP_NOT_FOUND', 'BACKUP_DAMAGED', 'UPSTREAM_FAILED'],
  http: { method: 'POST', path: `${ROOT}/:ref/verify` },
  cli: { words: 'backup verify', args: ['ref'] },
  object: ({ ref }) => ref,
  run: async (_call, { ref }) => ({ id: ref, ok: true, objects: 0, bytes: 0 }),
  linger: ({ id }, streaming) =>
    atDepot(streaming, async (depot) => {
      const manifest = await getManifest(depot, id);
      return { id: manifest.id, ok: true, ...(await verifyBackup(depot, manifest, { signal: streaming.signal })) };
    }),
};

const restoring = z.object({
  ref: one.shape.ref,
  confirm: z.boolean().describe('has to be true: what is there now is replaced'),
});
type Restoring = z.infer<typeof restoring>;
const restored = z.object({ ...backupShape.shape, safety_backup: z.string() });

const restore: Operation<Restoring, z.infer<typeof restored>> = {
  ...WHO,
  name: 'backup.restore',
  summary: 'Make the state of all zones that of a backup, after a backup of what is there.',
  effect: 'destroy',
  input: restoring,
  output: restored,
  faults: ['BACKUP_NOT_FOUND', 'BACKUP_DAMAGED', 'UPSTREAM_FAILED', 'UNAVAILABLE', 'CONFLICT'],
  http: { method: 'POST', path: `${ROOT}/:ref/restore` },
  cli: { words: 'backup restore', args: ['ref'] },
  object: ({ ref }) => ref,
  run: async (_call, { ref, confirm }) => {
    if (!confirm) {
      throw new Fault('CONFLICT', 'A restore replaces all that is there now: say confirm=true', {
        reason: 'NOT_CONFIRMED',
      });
    }
    return { id: ref, status: 'running', at: '', error: null, safety_backup: '' };
  },
  linger: async ({ id: ref }, streaming) => {
    const destination = await destinationOf(streaming);
    const manifest = await atDepot(streaming, (depot) => getManifest(depot, ref));
    const safety_backup = await streaming.backups.restore({
      destination,
      backup_id: manifest.id,
      signal: streaming.signal,
    });
    return { ...backupOf(manifest), safety_backup };
  },
};

export const backupOperations = ofBrick('backups', [
  getPlan,
  setPlan,
  create,
  list,
  get,
  verify,
  restore,
  planStep,
  ...backupSteps,
  ...zoneTransferOperations,
] as const);
