/** Governance and what goes by it: roles decide, and sight of the documents that a thing stands on. */
import type { Cases } from './cases.ts';

export const CORPUS_GOVERNANCE_CASES: Cases = {
  'governance.evaluate': [{ level: 'nothing', input: () => ({ candidate_output: 'nothing', mode: 'PUBLIC' }) }],
  'governance.list': [{ level: 'nothing', input: () => ({}) }],
};
