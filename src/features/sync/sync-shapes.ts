/** What a push or a pull is asked, and what it answers (platform.md §5). */
import { z } from 'zod';
import { plainText } from '../../base/texts.ts';
import { conflictObject, conflictShape } from './conflict-object.ts';
import { RESOLUTIONS } from './decide.ts';
import type { Action, Ran } from './syncer.ts';

export const resolutionParam = z
  .enum(RESOLUTIONS)
  .describe('which side becomes the file; with keep_both theirs, and ours lies beside it');

/** With one slash in front, or none: nothing is the root mount. As of every path, what it may hold is asked where it is made clean. */
export const mountParam = z.string().transform((text) => `/${text.replace(/^\/+/, '')}`);

/** Paths of one call. */
const PATHS_MOST = 1_000;

export const askedParams = {
  resolution: resolutionParam
    .optional()
    .describe('what becomes of conflicts; else what the mount says, else they stay open'),
  paths: z.array(plainText).max(PATHS_MOST).optional().describe('only at and below these'),
  dry_run: z.boolean().default(false).describe('only say what would be done'),
};

export const metricsShape = z.object({
  pushes_total: z.number(),
  pulls_total: z.number(),
  changes_pushed_total: z.number(),
  changes_failed_total: z.number(),
  conflicts_detected_total: z.number(),
  conflicts_resolved_total: z.number(),
  pending: z.number(),
  open_conflicts: z.number(),
  last_push_at: z.string().nullable(),
  last_error: z.string().nullable(),
});
export type SyncMetrics = z.infer<typeof metricsShape>;

const common = {
  mount_point: z.string(),
  changes_failed: z.number(),
  conflicts_detected: z.number(),
  conflicts_resolved: z.number(),
  conflicts: z.array(conflictShape),
  errors: z.array(z.object({ path: z.string(), code: z.string(), message: z.string() })),
  dry_run: z.boolean(),
  duration_ms: z.number(),
  metrics: metricsShape,
};

const pushed = z.object({ action: z.literal('push'), changes_pushed: z.number(), bytes_pushed: z.number(), ...common });
const pulled = z.object({ action: z.literal('pull'), changes_pulled: z.number(), bytes_pulled: z.number(), ...common });
const queued = z.object({
  action: z.enum(['push', 'pull']),
  mount_point: z.string(),
  task_id: z.string(),
  status: z.string(),
});

export const syncOutput = z.union([pushed, pulled, queued]);
export type SyncOutput = z.infer<typeof syncOutput>;
export type SyncResult = z.infer<typeof pushed> | z.infer<typeof pulled>;

export const isResult = (output: SyncOutput): output is SyncResult => !('task_id' in output);

export interface Told {
  readonly action: Action;
  readonly mount_point: string;
  readonly dry_run: boolean;
  readonly duration_ms: number;
  readonly metrics: SyncMetrics;
}

export function resultOf(told: Told, ran: Pick<Ran, 'tally'> | undefined): SyncResult {
  const { action, ...rest } = told;
  const tally = ran?.tally;
  const counted = {
    ...rest,
    changes_failed: tally?.failed ?? 0,
    conflicts_detected: tally?.detected ?? 0,
    conflicts_resolved: tally?.resolved ?? 0,
    conflicts: (tally?.conflicts ?? []).map((row) => conflictObject(row, (path) => path)),
    errors: [...(tally?.errors ?? [])],
  };
  return action === 'push'
    ? { action, changes_pushed: tally?.pushed ?? 0, bytes_pushed: tally?.bytesPushed ?? 0, ...counted }
    : { action, changes_pulled: tally?.pulled ?? 0, bytes_pulled: tally?.bytesPulled ?? 0, ...counted };
}
