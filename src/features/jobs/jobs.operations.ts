/** Every operation of the queue, told of the types that run inside Nexus. */
import type { AnyJobType } from './job-types.ts';
import { pullOperations } from './pull.operations.ts';
import { taskOperations } from './tasks.operations.ts';
import { workerSteps } from './worker-steps.operations.ts';

export const jobOperations = (types: readonly AnyJobType[]) =>
  [...taskOperations(types), ...pullOperations, ...workerSteps] as const;
