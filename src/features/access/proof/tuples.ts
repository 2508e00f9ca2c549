/** Tuples of a graph as proofs see them: what they say of the subject, and where they lead. */
import type { SubjectText } from '../evaluate/closure.ts';
import type { Evaluation, Place } from '../evaluate/evaluator.ts';
import type { Graph } from '../graph/graph.ts';
import { EVERY, MEMBER, type Rule } from '../schema/rules.ts';
import type { Schema } from '../schema/schema.ts';
import type { DeniedProof, ProofTuple, ThingText } from './proof.ts';

export interface Proving {
  readonly evaluation: Evaluation;
  readonly schema: Schema;
  readonly subject: SubjectText;
  /** Shows that a part of a rule does not hold; given, as the two sides of a proof stand in one another. */
  refute(proving: Proving, rule: Rule, at: { readonly place: Place; readonly relation: string }): DeniedProof;
}

export const setOf = (type: string, relation: string | undefined): string =>
  relation === undefined || relation === '' ? (type === 'group' ? MEMBER : '') : relation;

export const thingAt = ({ words }: Graph, node: number): ThingText => [
  words.typeText(words.typeOf(node)),
  words.idOf(node),
];

export function textOf({ evaluation: { graph } }: Proving, tuple: number): ProofTuple {
  const set = graph.subjectRelations[tuple]!;
  const subject = thingAt(graph, graph.subjects[tuple]!);
  const terms = graph.termsOf(tuple);
  return {
    tuple_id: graph.idOf(tuple),
    subject: set === 0 ? subject : [...subject, graph.words.relation(set)],
    relation: graph.words.relation(graph.relations[tuple]!),
    object: thingAt(graph, graph.objects[tuple]!),
    expires_at: terms?.expires_at == null ? null : new Date(terms.expires_at).toISOString(),
    conditions: terms?.conditions ?? null,
  };
}

/** How the subject of a tuple that gives something stands to the one that is asked about. */
export function naming({ evaluation: { graph }, subject }: Proving, tuple: number): 'this' | 'wildcard' | 'group' {
  const [type, id] = thingAt(graph, graph.subjects[tuple]!);
  const set = setOf(type, graph.words.relation(graph.subjectRelations[tuple]!));
  const [ofType, ofId, ofSet] = subject;
  if (type === ofType && id === ofId && set === setOf(ofType, ofSet)) return 'this';
  return type === EVERY || (set === '' && id === EVERY) ? 'wildcard' : 'group';
}
