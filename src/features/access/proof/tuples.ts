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
  /** Shows that a part of a rule does not hold; given, as the two sides of a proof stand in one another. */
  refute(proving: Proving, rule: Rule, at: Lead): DeniedPart;
}

const setOf = (type: string, relation: string | undefined): string =>
  relation === undefined || relation === '' ? (type === 'group' ? MEMBER : '') : relation;

/** The tuples with a relation on an object, those that do not count among them; in order of their ids. */
export function tuplesOn({ evaluation: { graph } }: Proving, [type, id]: ThingText, relation: string): number[] {
  const { words } = graph;
  const node = words.findNode(words.findType(type, ''), id);
  const wanted = words.number(relation);
  const found: number[] = [];
  for (let at = graph.first('object', node); at >= 0; at = graph.next('object', at)) {
    if (graph.relations[at] === wanted) found.push(at);
  }
  return inOrder(graph, found);
}

/** The same of an object as the subject. */
export function tuplesFrom({ evaluation: { graph } }: Proving, [type, id]: ThingText, relation: string): number[] {
  const { words } = graph;
  const node = words.findNode(words.findType(type, ''), id);
  const wanted = words.number(relation);
  const found: number[] = [];
  for (let at = graph.first('subject', node); at >= 0; at = graph.next('subject', at)) {
    if (graph.relations[at] === wanted) found.push(at);
  }
  return inOrder(graph, found);
}

function inOrder(graph: Evaluation['graph'], found: number[]): number[] {
  if (found.length < 2) return found;
  const ids = new Map(found.map((at) => [at, graph.idOf(at)]));
  return found.sort((a, b) => (ids.get(a)! < ids.get(b)! ? -1 : 1));
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
