/**
 * What the server does by itself, as types of jobs. Guarantees: each goes on where it was, whoever had it before; it ends
 * between two short transactions once its attempt was taken away, is out of time, or its node stops.
 */
import { z } from 'zod';
import { Fault } from '../../base/faults.ts';
import { jsonValue } from '../../base/json-value.ts';
import type { Log } from '../../base/log.ts';
import type { LogEvent } from '../../base/log-events.ts';
import { BACKUP_JOB } from '../../features/backups/backups.operations.ts';
import { CONTENT_CHECK } from '../../features/content/check.operations.ts';
import { SEARCH_INDEX } from '../../features/files/search/reindex.ts';
import type { AnyJobType, JobRun, JobType } from '../../features/jobs/job-types.ts';
import { forgetContents } from '../../features/sync/job-steps.operations.ts';
import type { Blobs } from '../../ports/blobs.ts';
import type { Clock } from '../../ports/clock.ts';
import { type AuditKeeping, pruneAudit } from '../audit/prune.ts';
import { collectBlobs, finishRemovals } from '../collect.ts';
import { type ContentCheckParts, checkContents } from '../content-check.ts';
import { fillIndex } from '../indexer.ts';
import { revokeEndedLongAgo } from '../key-ends.ts';
import { pruneAnswers, pruneFinishedJobs, pruneZones, trimEvents } from '../prune.ts';
import { endNoted } from '../share-ends.ts';
import { sweepZone } from '../sweep.ts';
import type { RunStep } from '../system.ts';
import { endUploads } from '../uploads.ts';

export interface HouseParts extends Pick<ContentCheckParts, 'contents'> {
  readonly step: RunStep;
  readonly blobs: Blobs;
  readonly clock: Clock;
  readonly log: Log;
  readonly backups: {
    /** Where they go unless somebody says otherwise. */
    readonly destination: string;
    /** Makes all that are due. */
    make(signal: AbortSignal): Promise<{ readonly backups: number }>;
  };
  /** What is kept of the audit log. */
  readonly audit: AuditKeeping;
  /** Days for which events are kept; undefined is for ever. */
  readonly eventDays: number | undefined;
  /** Milliseconds for which finished jobs are kept. */
  readonly jobsMs: number;
  /** Milliseconds for which the replaced side of a settled conflict is kept. */
  readonly conflictsMs: number;
}

export const ZONE_DELETION = 'zone_deletion';
export const SHARE_ENDS = 'share_ends';

const PASS_MS = 600_000;
/** The audit log of a busy server grows by hundreds of megabytes in ten minutes. */
const AUDIT_PASS_MS = 60_000;
const JOBS_PASS_MS = 3_600_000;
/** The bytes of an upload go within ten minutes of its end. */
const UPLOADS_PASS_MS = 300_000;

/** Passes that come again, and the milliseconds from the end of one to the next; null is never. */
export const passes = ({ eventDays }: Pick<HouseParts, 'eventDays'>) => [
  { type: 'history_prune', every_ms: PASS_MS },
  { type: 'event_prune', every_ms: eventDays === undefined ? null : PASS_MS },
  { type: 'audit_prune', every_ms: AUDIT_PASS_MS },
  { type: 'blob_collection', every_ms: PASS_MS },
  { type: 'job_prune', every_ms: JOBS_PASS_MS },
  { type: 'upload_expiry', every_ms: UPLOADS_PASS_MS },
  { type: 'conflict_expiry', every_ms: JOBS_PASS_MS },
  { type: 'key_expiry', every_ms: JOBS_PASS_MS },
];

type Pass = (parts: HouseParts, run: JobRun) => Promise<Readonly<Record<string, number>>>;

const anything = z.record(z.string(), jsonValue);
const ofZone = z.object({ zone_id: z.string() });

/** The types by name, with everything that they need. */
export function houseTypes(parts: HouseParts): ReadonlyMap<string, AnyJobType> {
  const pass = (type: string, description: string, work: Pass): JobType<z.infer<typeof anything>> => ({
    type,
    description,
    role: 'admin',
    input: anything,
    run: (_payload, run) => work(parts, run),
  });
  const ending: JobType<z.infer<typeof ofZone>> = {
    type: ZONE_DELETION,
    description: 'Removes what is left of a zone that was deleted.',
    role: 'admin',
    input: ofZone,
    run: (payload, run) => endZone(parts, run, payload),
  };
  const all = [
    ending as AnyJobType,
    pass(SHARE_ENDS, 'Ends what other zones share with agents that were deleted.', async ({ step }, { signal }) => ({
      shares: await endNoted({ step, signal }),
    })),
    pass('history_prune', 'Removes versions of files that no zone keeps.', pruneHistory),
    pass('event_prune', 'Removes events that are kept no longer.', pruneEvents),
    pass('audit_prune', 'Removes audit rows that are kept no longer.', pruneLogs),
    pass('blob_collection', 'Removes contents that nothing names.', collect),
    pass('job_prune', 'Removes finished jobs, and answers of calls, that are kept no longer.', pruneJobs),
    pass('upload_expiry', 'Removes uploads whose time is over.', expireUploads),
    pass('conflict_expiry', 'Lets go of contents of conflicts that were settled long ago.', expireConflicts),
    pass('key_expiry', 'Revokes keys that expired a month ago.', async (parts, { signal }) => ({
      keys: await revokeEndedLongAgo({ ...parts, signal }),
    })),
    pass(BACKUP_JOB, 'Makes the backups that were asked for, or are due.', ({ backups }, { signal }) =>
      backups.make(signal),
    ),
    pass(CONTENT_CHECK, 'Reads stored contents again and compares them with their hash.', (parts, { signal }) =>
      checkContents({ ...parts, signal }),
    ),
    pass(SEARCH_INDEX, 'Puts new contents into the index of the search.', fillIndex),
  ];
  return new Map(all.map((type) => [type.type, type as AnyJobType]));
}

async function endZone(parts: HouseParts, { signal }: JobRun, { zone_id }: z.infer<typeof ofZone>): Promise<object> {
  const left = await sweepZone({ ...parts, signal }, zone_id);
  if (left.length === 0) return {};
  throw new Fault('UNAVAILABLE', `Of zone ${zone_id} these are still to be removed: ${left.join(', ')}`);
}

type Removed = Partial<Readonly<Record<'states' | 'events' | 'rows' | 'uploads', number>>>;

const told = (log: Log, event: LogEvent, figures: Removed): Removed => {
  if (Object.values(figures).some((n) => n > 0)) log('info', event, figures);
  return figures;
};

const pruneHistory: Pass = async (parts, { signal }) =>
  told(parts.log, 'history.pruned', { states: await pruneZones({ ...parts, signal }) });

const pruneEvents: Pass = async (parts, { signal }) => {
  const events = parts.eventDays === undefined ? 0 : await trimEvents({ ...parts, signal }, parts.eventDays);
  return told(parts.log, 'events.trimmed', { events });
};

const pruneLogs: Pass = async (parts, { signal }) =>
  told(parts.log, 'audit.pruned', { rows: await pruneAudit({ ...parts, signal }, parts.audit) });

const collect: Pass = async (parts, { signal }) => {
  await finishRemovals({ ...parts, signal }, false);
  return { blobs: await collectBlobs({ ...parts, signal }) };
};

const pruneJobs: Pass = async (parts, { signal }) => ({
  jobs: await pruneFinishedJobs({ ...parts, signal }, parts.jobsMs),
  answers: await pruneAnswers({ ...parts, signal }),
});

const expireUploads: Pass = async (parts, { signal }) =>
  told(parts.log, 'uploads.ended', { uploads: await endUploads({ ...parts, signal }) });

/** Contents that one step lets go of. */
const CONFLICTS_SLICE = 1_000;

const expireConflicts: Pass = async ({ step, clock, conflictsMs }, { signal }) => {
  const before = clock.now() - conflictsMs;
  let rows = 0;
  for (let last = CONFLICTS_SLICE; last === CONFLICTS_SLICE && !signal.aborted; rows += last) {
    last = await step(forgetContents, 'root', { before, limit: CONFLICTS_SLICE });
  }
  return { rows };
};
