/** What the corpus has computed beside the event loop, by name. Loaded by the computing thread: keep it light, load the rest late. */
import type { StreamTask, Task } from '../../core/call/computing.ts';
import { layersTask, rhetoricTask } from './analysis/tasks.ts';
import { evolveTask, mergeTask, replayTask } from './branches/evolving.ts';
import { extractTask } from './extraction/extract.ts';
import { seekTerms } from './governance/sought.ts';
import { mixTask } from './remix/mixing.ts';
import { checkBlocks, split } from './text/split.ts';

export const tasks: readonly Task<never, unknown>[] = [
  layersTask,
  rhetoricTask,
  seekTerms,
  evolveTask,
  mergeTask,
  replayTask,
  mixTask,
  checkBlocks,
  extractTask,
];

export const streamTasks: readonly StreamTask<never, unknown>[] = [split];
