/** The shapes of proofs (access.md §9). Plain JSON; `client/proof.ts` verifies them without a search. */
import type { Conditions } from '../conditions/conditions.ts';
import type { Rule } from '../schema/rules.ts';

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
  /** Of a union, the part that holds. */
  readonly part?: Rule;
  readonly children: readonly GrantedNode[];
  /** Of an exclusion: what must not hold does not. */
  readonly denied?: DeniedPart;
}

export interface Lead {
  readonly object: ThingText;
  readonly relation: string;
}

/** Of an intersection, the part that does not hold; of an exclusion its base, or a minus that holds. */
export interface Refuted {
  readonly part: Rule | 'base' | 'minus';
  readonly proof?: GrantedNode;
}

export interface DeniedRow extends Lead {
  /** Every tuple with the relation on the object. */
  readonly tuples: readonly string[];
  /** Everything from which it could come. */
  readonly next: readonly Lead[];
  /** For each intersection and exclusion of the rule, in its order. */
  readonly refuted?: readonly Refuted[];
}

/** A set of pairs none of which holds, since each could come from others of the set only. */
export interface DeniedProof {
  readonly visited: readonly DeniedRow[];
}

/** The same for a part of a rule, which goes on from its object to these. */
export interface DeniedPart extends DeniedProof {
  readonly next: readonly Lead[];
  readonly refuted?: readonly Refuted[];
}
