/** The shapes of proofs (access.md §9). Plain JSON; `client/proof.ts` verifies them without a search. */
import type { Conditions } from '../conditions/conditions.ts';

export type ThingText = readonly [string, string];

/** A tuple as a proof names it. */
export interface ProofTuple {
  readonly tuple_id: string;
  readonly subject: readonly string[];
  readonly relation: string;
  readonly object: ThingText;
  readonly expires_at: string | null;
  readonly conditions: Conditions | null;
}

export type ProofRule =
  | 'this'
  | 'wildcard'
  | 'group'
  | 'computed'
  | 'from'
  | 'folder'
  | 'union'
  | 'intersection'
  | 'exclusion';

/** One way in which the relation holds. */
export interface GrantedNode {
  readonly granted: true;
  readonly object: ThingText;
  readonly relation: string;
  readonly rule: ProofRule;
  readonly tuple?: ProofTuple;
  readonly conditions?: Conditions;
  readonly children: readonly GrantedNode[];
  /** Of an exclusion: what must not hold does not. */
  readonly denied?: DeniedProof;
}

export interface Lead {
  readonly object: ThingText;
  readonly relation: string;
}

export interface DeniedRow extends Lead {
  /** Every tuple with the relation on the object, in no order. */
  readonly tuples: readonly string[];
  /** Every pair of the set from which it could come, in no order. */
  readonly next: readonly Lead[];
  /** Of exclusions whose base may hold: that the minus does, too. */
  readonly refuted?: readonly GrantedNode[];
}

/**
 * A set of pairs none of which holds, since each could come from others of the set only; the first is the one in question.
 * Of a part of a rule, the first row is that part, and no pair of the set.
 */
export interface DeniedProof {
  readonly visited: readonly DeniedRow[];
}
