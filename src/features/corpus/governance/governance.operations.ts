/**
 * Governance (corpus.md §12): a text is judged by the policy of a mode, and each decision stands in the audit log. Guarantees:
 * a long text is judged beside the event loop and outside any transaction; nothing of a text is kept but what the log says.
 */
import { z } from 'zod';
import type { Switches } from '../../../core/call/switches.ts';
import { MODES } from '../../../core/call/tokens.ts';
import { type Operation, ofBrick } from '../../../core/operation.ts';
import { requireMode } from '../../access/modes.ts';
import { hashOf } from '../text/rules.ts';
import {
  EVALUATE,
  getPolicy,
  type Judged,
  type ListedDecision,
  logDecision,
  previewOf,
  toDecision,
} from './decisions.ts';
import { type Decision, decide, type Policy } from './evaluate.ts';
import { listDecisions } from './policies.sql.ts';
import { sought } from './sought.ts';

const OPERATOR = { role: 'operator' } as const;
const mode = z.enum(MODES).default('PUBLIC').describe('by which policy');

const hit = z.object({
  term: z.string(),
  start: z.number().describe('characters before it'),
  end: z.number(),
  matched_text: z.string(),
  rule: z.literal('blocked_terms'),
  mode: z.enum(MODES),
});
export const decisionTrace = z.object({
  mode: z.enum(MODES),
  policy_version: z.number(),
  hard_block_threshold: z.number(),
  redaction_style: z.string(),
  mode_rationale: z.string(),
  hits: z.array(hit).describe('by term, then position; the first thousand'),
  hit_count: z.number().optional().describe('how many there are, where those are not all'),
  allow: z.boolean(),
});

const decided = {
  allow: z.boolean().describe('fewer terms were found than the mode blocks at'),
  policy_hits: z.array(z.string()).describe('the distinct terms that were found'),
  redactions: z.array(z.string()),
  audit_id: z.string().describe('row of the audit log'),
  decision_trace: decisionTrace,
};

/** What a caller's texts are judged by, ahead of the call that keeps the decision. */
const policyInput = z.object({ mode: z.enum(MODES), switches: z.custom<Switches>(() => true) });
export const policyOf: Operation<z.infer<typeof policyInput>, Policy> = {
  name: 'governance.policy',
  summary: 'The policy of a mode, for a caller who may use it.',
  effect: 'read',
  who: OPERATOR,
  internal: true,
  input: policyInput,
  output: z.object({ mode: z.enum(MODES), version: z.number(), terms: z.array(z.string()) }),
  faults: [],
  run: (call, { mode, switches }) => getPolicy(call, mode, switches),
};

const evaluateInput = z.object({ candidate_output: z.string().describe('the text to judge'), mode });
const evaluateOutput = z.object(decided);
export type Evaluated = z.infer<typeof evaluateOutput>;

interface Ready {
  readonly judged: Judged;
  readonly switches: Switches;
}

const answerOf = ({ allow, policy_hits, decision_trace }: Decision, audit_id: string) => ({
  allow,
  policy_hits: [...policy_hits],
  redactions: [...policy_hits],
  audit_id,
  decision_trace: { ...decision_trace, hits: [...decision_trace.hits] },
});

const evaluate: Operation<z.infer<typeof evaluateInput>, Evaluated, Ready> = {
  name: EVALUATE,
  tool: 'evaluate_text',
  summary: 'Judge a text by the policy of a mode.',
  effect: 'write',
  who: OPERATOR,
  input: evaluateInput,
  output: evaluateOutput,
  faults: ['ACCESS_DENIED', 'BAD_REQUEST'],
  http: { method: 'POST', path: '/api/v1/governance/evaluate', tolerant: true },
  cli: { words: 'governance evaluate', args: ['candidate_output'] },
  object: ({ judged }) => judged.decision.decision_trace.mode,
  prepare: async ({ candidate_output: text, mode }, { run, switches, computing }) => {
    const policy = await run(policyOf, { mode, switches });
    const decision = decide(policy, await sought(text, policy, computing));
    return { judged: { decision, input_hash: hashOf(text), input_preview: previewOf(text) }, switches };
  },
  run: async (call, { judged, switches }) => {
    const { decision } = judged;
    await requireMode(call.tx, decision.decision_trace.mode, { caller: call.caller, switches });
    return answerOf(decision, logDecision(call, judged));
  },
};

const LIMIT_MAX = 1_000;
const listInput = z.object({
  limit: z.int().min(1).max(LIMIT_MAX).default(100).describe('decisions at most, 100 unless given'),
});
const listOutput = z.object({
  decisions: z.array(z.object({ id: z.string(), mode: z.enum(MODES), ...decided, created_at: z.string() })),
});

const list: Operation<z.infer<typeof listInput>, { decisions: ListedDecision[] }> = {
  name: 'governance.list',
  tool: 'list_governance_decisions',
  summary: 'List decisions of governance, newest first.',
  effect: 'read',
  who: OPERATOR,
  heavy: true,
  input: listInput,
  output: listOutput,
  faults: [],
  http: { method: 'GET', path: '/api/v1/audit/policy-decisions', tolerant: true },
  cli: { words: 'governance list' },
  run: async ({ tx, zone: { zone_id } }, { limit }) => {
    const rows = await listDecisions(tx, zone_id, limit);
    return { decisions: rows.map((row) => toDecision(zone_id, row)) };
  },
};

export const governanceOperations = ofBrick('corpus', [policyOf, evaluate, list]);
