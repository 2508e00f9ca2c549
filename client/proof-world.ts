/** What verifying a proof takes: what its asker knows of the question and the zone. Types only; the program is `proof.ts`. */
import type { DeniedRow, GrantedNode, Lead, ProofRule, ProofTuple } from '../src/features/access/proof/proof.ts';
import type { Rule, Types } from '../src/features/access/schema/rules.ts';

export type { Lead } from '../src/features/access/proof/proof.ts';
export type { Rule } from '../src/features/access/schema/rules.ts';

export interface ProofWorld {
  /** Every field of the answer beside `allowed`, `successful_path` and `proof`, as it has to be. */
  readonly header: Readonly<Record<string, unknown>>;
  readonly subject: readonly string[];
  readonly goal: Lead;
  /** ISO 8601 in UTC. */
  readonly now: string;
  readonly types: Types;
  /** Every tuple of the zone at the revision. */
  readonly tuples: readonly ProofTuple[];
  /** Do conditions of a tuple hold in the context of the question? */
  holds(conditions: NonNullable<ProofTuple['conditions']>): boolean;
}

/** The answer of `rebac_explain`. */
export interface Explanation {
  readonly allowed: boolean;
  readonly successful_path: unknown;
  readonly proof: unknown;
  readonly [field: string]: unknown;
}

/** A proof as it came, of a yes or a no; of a part of a rule, the first row is the part. */
export interface Told extends Omit<GrantedNode, 'children' | 'denied'> {
  readonly children: readonly Told[];
  readonly denied: Told;
  readonly visited: readonly (Omit<DeniedRow, 'refuted'> & { readonly refuted?: readonly Told[] })[];
}

/** A pair; or with a rule, that part of the rule of the pair. */
export type Asked = readonly [Lead, Rule?];

/** One of the ways in which a rule can hold: all of these have to, and the minus must not. */
export interface Option {
  readonly kind: ProofRule;
  /** What a node of a proof has of the tuple. */
  readonly by?: object;
  readonly all: readonly Asked[];
  readonly minus?: Asked;
}
