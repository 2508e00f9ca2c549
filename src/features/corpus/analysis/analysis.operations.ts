/** Every operation of analyses. */
import { ofBrick } from '../../../core/operation.ts';
import { runAnalysis } from './analyze.operations.ts';
import { lookForRhetoric, readRhetoric } from './rhetoric.operations.ts';
import { getAnalysis, getShadow, listAnalyses } from './runs.operations.ts';
import { keepRunOfJob, lookForAnalysis } from './steps.operations.ts';

export const analysisOperations = [
  ...ofBrick('corpus', [runAnalysis, getAnalysis, listAnalyses, getShadow, readRhetoric]),
  lookForAnalysis,
  keepRunOfJob,
  lookForRhetoric,
] as const;
