/** Every operation of the queue, told of the types that run inside Nexus. */

import { ofBrick } from '../../core/operation.ts';
import { houseSteps } from './house.operations.ts';
import { submitOperations } from './job-submit.operations.ts';
import { type JobsOf, jobApiOperations } from './jobs-api.operations.ts';
import { pullOperations, type Served } from './pull.operations.ts';
import { scheduleSteps } from './schedule-steps.operations.ts';
import { scheduleOperations } from './schedules.operations.ts';
import { taskOperations } from './tasks.operations.ts';
import { workerSteps } from './worker-steps.operations.ts';
import { workerOperations } from './workers.operations.ts';

export interface QueueOf extends JobsOf {
  /** Says for which executors a caller takes the tasks of everybody. */
  readonly served: Served;
}

export const jobOperations = ({ types, served, bases }: QueueOf) =>
  [
    ...ofBrick('scheduler', [...taskOperations(types), ...pullOperations(served), ...scheduleOperations(types)]),
    ...submitOperations(types),
    ...jobApiOperations({ types, bases }),
    ...workerOperations,
    ...workerSteps,
    ...houseSteps,
    ...scheduleSteps,
  ] as const;
