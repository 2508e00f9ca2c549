/**
 * All paths on which a subject holds a level, found from the subject. Guarantees: with what lies below them, exactly the
 * paths on which the evaluator finds the level. Source of the rule: the built-in one of files, which no zone can change:
 * tuples on the file, a parent, a folder above.
 */
import { ancestorsOf } from '../../../base/paths.ts';
import { PARENT } from '../schema/rules.ts';
import { type Evaluation, holdsName, placeOf } from './evaluator.ts';

export function pathsWith(evaluation: Evaluation, name: 'viewer' | 'editor' | 'owner'): string[] {
  const { graph, plans, closure, budget } = evaluation;
  const { words } = graph;
  const file = words.findType('file', '');
  const direct = plans.find('file', name)?.direct ?? [];
  const paths = new Set<string>();
  for (const node of closure.nodes.keys()) {
    budget.visit();
    for (let at = graph.first('subject', node); at >= 0; at = graph.next('subject', at)) {
      if (!direct[graph.relations[at]!] || words.typeOf(graph.objects[at]!) !== file) continue;
      const set = graph.subjectRelations[at]!;
      if ((set === 0 || set === words.member) && counts(evaluation, at)) paths.add(words.idOf(graph.objects[at]!));
    }
  }
  for (const path of childrenWith(evaluation, name, paths)) paths.add(path);
  return [...paths];
}

function counts({ graph, reliance, mode }: Evaluation, tuple: number): boolean {
  const terms = graph.termsOf(tuple);
  return terms === undefined || reliance.counts(terms, mode);
}

/** Files that have the level from a parent, and not from a path that is known already. */
function* childrenWith(evaluation: Evaluation, name: string, known: ReadonlySet<string>): Generator<string> {
  const { graph } = evaluation;
  const { words } = graph;
  const file = words.findType('file', '');
  for (const at of graph.withRelation(words.number(PARENT))) {
    const child = graph.subjects[at]!;
    const path = words.idOf(child);
    if (words.typeOf(child) !== file || known.has(path) || ancestorsOf(path).some((above) => known.has(above)))
      continue;
    if (!counts(evaluation, at)) continue;
    const parent = graph.objects[at]!;
    const place = placeOf(graph, words.typeText(words.typeOf(parent)), words.idOf(parent));
    if (holdsName(evaluation, name, place)) yield path;
  }
}
