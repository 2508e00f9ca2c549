/** The decision with its proof: of one that allows, one way that grants; of one that denies, all ways that do not. */
import type { SubjectText } from '../evaluate/closure.ts';
import { findHolding, placeOf } from '../evaluate/evaluator.ts';
import type { Asked } from '../grants.ts';
import { refute, refuteNamed } from './denied.ts';
import { provenBy } from './granted.ts';
import type { DeniedProof, GrantedNode } from './proof.ts';

export interface Explained {
  readonly allowed: boolean;
  readonly path: GrantedNode | null;
  readonly whole: GrantedNode | DeniedProof;
}

interface Question {
  readonly subject: SubjectText;
  readonly name: string;
  readonly object: { readonly type: string; readonly id: string };
}

/** Decides as every check does, by the same search, and tells what it went along. */
export function explain(asked: Asked, { subject, name, object: { type, id } }: Question): Explained {
  const plan = asked.plans.find(type, name);
  const place = placeOf(asked.graph, type, id);
  const found = plan && findHolding(asked, { plan, place });
  // Showing takes as much again as deciding.
  const evaluation = { ...asked, budget: asked.budget.again() };
  const proving = { evaluation, schema: asked.zone.schema, subject, refute };
  if (!found) return { allowed: false, path: null, whole: refuteNamed(proving, place, name) };
  const path = provenBy(proving, found);
  return { allowed: true, path, whole: path };
}
