/** The proof of a decision: of one that allows, one way that grants; of one that denies, all ways that do not. */
import type { SubjectText } from '../evaluate/closure.ts';
import type { Asked } from '../grants.ts';
import { refute, refuteNamed } from './denied.ts';
import { prove } from './granted.ts';
import type { DeniedProof, GrantedNode } from './proof.ts';

export interface Explained {
  readonly path: GrantedNode | null;
  readonly whole: GrantedNode | DeniedProof;
}

interface Decision {
  readonly subject: SubjectText;
  readonly name: string;
  readonly object: { readonly type: string; readonly id: string };
  readonly allowed: boolean;
}

/** Throws where the search of the proof finds none though the evaluator allows: one of them is wrong. */
export function explain(asked: Asked, { subject, name, object, allowed }: Decision): Explained {
  const proving = { evaluation: asked, schema: asked.zone.schema, subject, nodes: new Map(), refute };
  const goal = { object: [object.type, object.id] as const, relation: name };
  if (!allowed) return { path: null, whole: refuteNamed(proving, goal) };
  const path = prove(proving, goal);
  if (!path) throw new Error(`no proof that ${name} on ${object.type} is allowed`);
  return { path, whole: path };
}
