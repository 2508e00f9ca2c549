/**
 * Which objects of a type a subject holds a name on, as far as tuples name them; a folder stands for what is below it.
 * Found from the subject along tuples, and each then asked of the evaluator. Guarantee: every object named in a tuple that
 * gives the name, and no other.
 */
import { ancestorsOf } from '../../../base/paths.ts';
import { PARENT } from '../schema/rules.ts';
import { type Evaluation, holdsNameHere, placeOf } from './evaluator.ts';

/** Of one type, or of every type; in no order. */
export function objectsWith(evaluation: Evaluation, name: string, type?: string): [string, string][] {
  const { graph } = evaluation;
  const { words } = graph;
  const wanted = type === undefined ? undefined : words.findType(type, '');
  return [...reachable(evaluation)]
    .filter((node) => wanted === undefined || words.typeOf(node) === wanted)
    .map((node): [string, string] => [words.typeText(words.typeOf(node)), words.idOf(node)])
    .filter(([of, id]) => holdsNameHere(evaluation, name, placeOf(graph, of, id)));
}

/** Every object that tuples lead to from the subject, whatever rules say. */
function reachable(evaluation: Evaluation): Set<number> {
  const { graph, closure, budget } = evaluation;
  const { words } = graph;
  const parent = words.number(PARENT);
  const below = linksBelow(evaluation, parent);
  const seen = new Set(closure.nodes.keys());
  if (closure.set) seen.add(closure.set.node);
  for (const node of seen) {
    budget.visit();
    for (const list of ['subject', 'member'] as const) {
      for (let at = graph.first(list, node); at >= 0; at = graph.next(list, at)) {
        if (graph.relations[at] !== parent) seen.add(graph.objects[at]!);
      }
    }
    for (let at = graph.first('object', node); at >= 0; at = graph.next('object', at)) {
      if (graph.relations[at] === parent) seen.add(graph.subjects[at]!);
    }
    if (words.typeText(words.typeOf(node)) !== 'file') continue;
    for (const link of below.get(words.idOf(node)) ?? []) seen.add(link);
  }
  return seen;
}

/** By folder: the files below it from which tuples lead on, as parents or as subjects. */
function linksBelow({ graph }: Evaluation, parent: number): Map<string, Set<number>> {
  const { words } = graph;
  const file = words.findType('file', '');
  const links = new Map<string, Set<number>>();
  for (const at of graph.tuples()) {
    const link = graph.relations[at] === parent ? graph.objects[at]! : graph.subjects[at]!;
    if (words.typeOf(link) !== file) continue;
    for (const folder of ancestorsOf(words.idOf(link))) {
      const known = links.get(folder);
      if (known) known.add(link);
      else links.set(folder, new Set([link]));
    }
  }
  return links;
}

/** Objects of the tuples that count and name exactly this subject and relation. */
export function objectsNamed(
  { graph, reliance, mode }: Evaluation,
  asked: { readonly subject: readonly [string, string, string?]; readonly relation: string; readonly type: string },
): [string, string][] {
  const { words } = graph;
  const [type, id, set = ''] = asked.subject;
  const subject = words.findNode(words.findType(type, ''), id);
  const relation = words.number(asked.relation);
  const wanted = words.findType(asked.type, '');
  const ids = new Set<string>();
  const list = relation === words.member ? 'member' : 'subject';
  for (let at = graph.first(list, subject); at >= 0; at = graph.next(list, at)) {
    if (graph.relations[at] !== relation || words.typeOf(graph.objects[at]!) !== wanted) continue;
    const own = words.relation(graph.subjectRelations[at]!);
    if (own !== set && !(type === 'group' && (own === '' || own === 'member') && (set === '' || set === 'member')))
      continue;
    const terms = graph.termsOf(at);
    if (terms === undefined || reliance.counts(terms, mode)) ids.add(words.idOf(graph.objects[at]!));
  }
  return [...ids].map((object) => [asked.type, object]);
}
