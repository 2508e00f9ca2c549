/** Every operation of the queue, told of the types that run inside Nexus. */

import { ofBrick } from '../../core/operation.ts';
import { houseSteps } from './house.operations.ts';
import { submitJob, submitSteps } from './job-submit.operations.ts';
import type { AnyJobType } from './job-types.ts';
import { jobApiOperations } from './jobs-api.operations.ts';
import { pullOperations, type Served } from './pull.operations.ts';
import { scheduleSteps } from './schedule-steps.operations.ts';
import { scheduleOperations } from './schedules.operations.ts';
import { taskOperations } from './tasks.operations.ts';
import { workerSteps } from './worker-steps.operations.ts';
import { workerOperations } from './workers.operations.ts';

/** `served` says for which executors a caller takes the tasks of everybody. */
export const jobOperations = (types: readonly AnyJobType[], served: Served) =>
  [
    ...ofBrick('scheduler', [...taskOperations(types), ...pullOperations(served), ...scheduleOperations(types)]),
    submitJob,
    ...jobApiOperations,
    ...workerOperations,
    ...submitSteps,
    ...workerSteps,
    ...houseSteps,
    ...scheduleSteps,
  ] as const;
