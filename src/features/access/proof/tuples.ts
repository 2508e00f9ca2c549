/** Tuples of a graph as proofs see them: what they say of the subject, and where they lead. */
import type { SubjectText } from '../evaluate/closure.ts';
import type { Evaluation } from '../evaluate/evaluator.ts';
import { EVERY, MEMBER, type Rule } from '../schema/rules.ts';
import type { Schema } from '../schema/schema.ts';
import type { DeniedPart, Lead, ProofTuple, ThingText } from './proof.ts';

export interface Proving {
  readonly evaluation: Evaluation;
  readonly schema: Schema;
  readonly subject: SubjectText;
  /** Nodes of objects that were looked for. */
  readonly nodes: Map<ThingText, number>;
  /** Shows that a part of a rule does not hold; given, as the two sides of a proof stand in one another. */
  refute(proving: Proving, rule: Rule, at: Lead): DeniedPart;
}

const setOf = (type: string, relation: string | undefined): string =>
  relation === undefined || relation === '' ? (type === 'group' ? MEMBER : '') : relation;

/** -1 where no tuple names it. Most pairs of a proof share their object, and finding one by its text is what costs. */
function nodeOf({ evaluation: { graph }, nodes }: Proving, object: ThingText): number {
  const known = nodes.get(object);
  if (known !== undefined) return known;
  const node = graph.words.findNode(graph.words.findType(object[0], ''), object[1]);
  nodes.set(object, node);
  return node;
}

const NONE: readonly number[] = [];

/** The tuples with a relation on an object, those that do not count among them; in no order. */
export const tuplesOn = (proving: Proving, object: ThingText, relation: string): readonly number[] =>
  listed(proving, { list: 'object', node: nodeOf(proving, object), relation });

/** The same of an object as the subject. */
export const tuplesFrom = (proving: Proving, object: ThingText, relation: string): readonly number[] =>
  listed(proving, { list: 'subject', node: nodeOf(proving, object), relation });

function listed(
  { evaluation: { graph } }: Proving,
  { list, node, relation }: { list: 'object' | 'subject'; node: number; relation: string },
): readonly number[] {
  let at = node < 0 ? -1 : graph.first(list, node);
  if (at < 0) return NONE;
  const wanted = graph.words.number(relation);
  const found: number[] = [];
  for (; at >= 0; at = graph.next(list, at)) if (graph.relations[at] === wanted) found.push(at);
  return found;
}

/** Tuples in order of their ids. */
export function inOrder({ evaluation: { graph } }: Proving, tuples: readonly number[]): readonly number[] {
  if (tuples.length < 2) return tuples;
  const named = tuples.map((at) => ({ at, id: graph.idOf(at) }));
  return named.sort((a, b) => (a.id < b.id ? -1 : 1)).map(({ at }) => at);
}

export function counts({ evaluation }: Proving, tuple: number): boolean {
  const terms = evaluation.graph.termsOf(tuple);
  return terms === undefined || evaluation.reliance.counts(terms, evaluation.mode);
}

export function textOf({ evaluation: { graph } }: Proving, tuple: number): ProofTuple {
  const { words } = graph;
  const thing = (node: number): ThingText => [words.typeText(words.typeOf(node)), words.idOf(node)];
  const set = words.relation(graph.subjectRelations[tuple]!);
  const terms = graph.termsOf(tuple);
  return {
    tuple_id: graph.idOf(tuple),
    subject: set === '' ? thing(graph.subjects[tuple]!) : [...thing(graph.subjects[tuple]!), set],
    relation: words.relation(graph.relations[tuple]!),
    object: thing(graph.objects[tuple]!),
    expires_at: terms?.expires_at == null ? null : new Date(terms.expires_at).toISOString(),
    conditions: terms?.conditions ?? null,
  };
}

/** How a tuple's subject stands to the one that is asked about. */
export function naming(proving: Proving, tuple: number): 'this' | 'wildcard' | 'group' | undefined {
  const { graph } = proving.evaluation;
  const { words } = graph;
  const node = graph.subjects[tuple]!;
  const type = words.typeText(words.typeOf(node));
  const id = words.idOf(node);
  const set = setOf(type, words.relation(graph.subjectRelations[tuple]!));
  const [ofType, ofId, ofSet] = proving.subject;
  if (type === ofType && id === ofId && set === setOf(ofType, ofSet)) return 'this';
  if (type === EVERY || (set === '' && type === ofType && id === EVERY)) return 'wildcard';
  return set === '' ? undefined : 'group';
}

/** The set that a tuple's subject is, as a pair that may hold for the one asked about. */
export function setLead({ evaluation: { graph } }: Proving, tuple: number): Lead {
  const { words } = graph;
  const node = graph.subjects[tuple]!;
  const type = words.typeText(words.typeOf(node));
  return { object: [type, words.idOf(node)], relation: setOf(type, words.relation(graph.subjectRelations[tuple]!)) };
}

/** The other end of a tuple of a tupleset. */
export function endOf({ evaluation: { graph } }: Proving, tuple: number, up: boolean): ThingText {
  const { words } = graph;
  const node = (up ? graph.objects : graph.subjects)[tuple]!;
  return [words.typeText(words.typeOf(node)), words.idOf(node)];
}
