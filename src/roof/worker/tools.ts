/** What handlers of jobs may use of the process that they run in. */
import type { Limits } from '../../base/limits.ts';
import type { Need } from '../../core/call/access.ts';
import type { Computing } from '../../core/call/computing.ts';
import type { Notes } from '../../core/call/notes.ts';
import type { Switches } from '../../core/call/switches.ts';
import { NO_DEADLINE } from '../../core/deadline.ts';
import type { Caller } from '../../core/operation.ts';
import { authoriseNeeds } from '../../core/preflight.ts';
import type { Runner } from '../../core/transact.ts';
import type { JobTools } from '../../features/jobs/job-types.ts';
import type { Outside } from '../../features/mounts/outside.ts';
import type { Blobs } from '../../ports/blobs.ts';
import type { CorpusFolder } from '../../ports/corpus-folder.ts';
import { type Behalf, systemSteps } from '../system.ts';

export interface ToolParts {
  readonly runner: Runner;
  readonly blobs: Blobs;
  readonly limits: Limits;
  readonly computing: Computing;
  readonly outside: Pick<Outside, 'reach'>;
  readonly notes: Notes;
  readonly switches: Switches;
  readonly folder: CorpusFolder;
}

/** The tools of one job, and what it does with them told as its submitter's; of a job of the server itself without one. */
export type ToolsFor = (behalf: Behalf | undefined) => JobTools;

export function toolsOf(parts: ToolParts): ToolsFor {
  const { runner, blobs, limits, computing, outside, notes, switches, folder } = parts;
  return (behalf) => ({
    blobs,
    limits,
    computing,
    notes,
    switches,
    folder,
    step: systemSteps(runner, { behalf }),
    act: (operation, { caller, zone_id }, input) => systemSteps(runner, { caller, behalf })(operation, zone_id, input),
    reach: (zone_id, mount_id) => outside.reach(zone_id, mount_id),
  });
}

/** That a mount is read-only is nothing against a job: what it changes is refused there. */
const authorise: typeof authoriseNeeds = { ...authoriseNeeds, name: 'job.authorise', ungated: true };

/** ACCESS_DENIED where whoever submitted a job may no longer do what it does. */
export async function authoriseJob(
  runner: Runner,
  needs: readonly Need[],
  by: { readonly caller: Caller; readonly zone_id: string; readonly request_id: string },
): Promise<void> {
  const context = { ...by, path_prefix: '', channel: 'internal', address: null, deadline: NO_DEADLINE } as const;
  await runner.read(authorise, { needs }, context);
}
