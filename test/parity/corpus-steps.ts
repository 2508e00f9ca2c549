/** The corpus through every door. */
import type { Step } from './steps.ts';

export const GOVERNANCE_STEPS: readonly Step[] = [
  { op: 'governance.evaluate', input: { candidate_output: 'Nothing of that sort', mode: 'PUBLIC' } },
  { op: 'governance.evaluate', input: { candidate_output: 'I hate to 😀 kill -- time', mode: 'PUBLIC' } },
  { op: 'governance.evaluate', input: { candidate_output: 'x', mode: 'public' }, fault: 'INVALID_PARAMS' },
  { op: 'governance.evaluate', input: { candidate_output: 'x', mode: 'RAW' }, fault: 'ACCESS_DENIED' },
  { op: 'governance.list', input: { limit: 2 } },
];
