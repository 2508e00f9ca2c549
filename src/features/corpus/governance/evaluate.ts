/**
 * What governance says of a text (corpus.md §12). Guarantees: equal texts and policies give equal decisions; of hits as many
 * are told as a row of the audit log can bear, of terms all. Pure.
 */

import type { Mode } from '../../../core/call/tokens.ts';
import { trimBlanks } from '../text/rules.ts';
import { type Findings, findTerms } from './terms.ts';

/** A policy as it is stored. */
export interface Policy {
  readonly mode: Mode;
  readonly version: number;
  readonly terms: readonly string[];
}

interface Rule {
  /** Fewer terms than these are let pass. */
  readonly hard_block_threshold: number;
  readonly redaction_style: string;
  readonly mode_rationale: string;
}

const RULES: Readonly<Record<Mode, Rule>> = {
  PUBLIC: {
    hard_block_threshold: 1,
    redaction_style: '[REDACTED]',
    mode_rationale: 'PUBLIC blocks flagged terms',
  },
  RAW: {
    hard_block_threshold: 999,
    redaction_style: '[FLAGGED]',
    mode_rationale: 'RAW allows flagged terms for research review',
  },
};

export interface Hit {
  readonly term: string;
  /** Characters: [start, end). */
  readonly start: number;
  readonly end: number;
  readonly matched_text: string;
  readonly rule: 'blocked_terms';
  readonly mode: Mode;
}

export interface DecisionTrace extends Rule {
  readonly mode: Mode;
  readonly policy_version: number;
  /** By term, then position; the first of them. */
  readonly hits: readonly Hit[];
  /** How many there are, where `hits` has not all. */
  readonly hit_count?: number;
  readonly allow: boolean;
}

export interface Decision {
  readonly allow: boolean;
  /** The distinct terms, in the order of the policy. */
  readonly policy_hits: readonly string[];
  readonly decision_trace: DecisionTrace;
}

/** Hits that a decision tells. */
const HITS_TOLD = 1_000;

const byCharacters = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** Terms of a setting as a policy has them: lower case, trimmed, unique, sorted by characters. */
export const policyTerms = (given: readonly string[]): string[] =>
  [...new Set(given.map((term) => trimBlanks(term.toLowerCase())))].filter(Boolean).sort(byCharacters);

export const findBlocked = (text: string, { terms }: Pick<Policy, 'terms'>): Findings =>
  findTerms(text, terms, HITS_TOLD);

export function decide({ mode, version, terms }: Policy, { found, counts }: Findings): Decision {
  const policy_hits = terms.filter((_, term) => (counts[term] ?? 0) > 0);
  const allow = policy_hits.length < RULES[mode].hard_block_threshold;
  const hits = found
    .slice(0, HITS_TOLD)
    .map(({ term, ...at }): Hit => ({ term: terms[term] ?? '', ...at, rule: 'blocked_terms', mode }));
  const hit_count = counts.reduce((sum, count) => sum + count, 0);
  const decision_trace = {
    mode,
    policy_version: version,
    hits,
    ...(hit_count > hits.length ? { hit_count } : {}),
    ...RULES[mode],
    allow,
  };
  return { allow, policy_hits, decision_trace };
}
