/**
 * Who holds a name on an object (rebac_expand). Everybody that tuples on the way name is a candidate, and each is then asked
 * of the evaluator: once as if no condition held, and once as if all did. Guarantees: nested groups are resolved; who holds
 * it only under conditions is told apart; a page costs no more than its own candidates.
 */
import { comparePaths } from '../../../base/paths.ts';
import type { Plan, Step } from '../schema/plans.ts';
import { EVERY } from '../schema/rules.ts';
import { type Closure, type ClosureAsked, closureOf } from './closure.ts';
import { aboveOf, type Evaluation, holdsName, type Place, placeAt } from './evaluator.ts';
import type { Mode } from './reliance.ts';

type Pair = [string, string];

export interface Expansion {
  readonly subjects: Pair[];
  readonly groups: Pair[];
  readonly everyone: boolean;
  readonly conditional: Pair[];
  readonly foreign: Foreign[];
  readonly has_more: boolean;
}

/** Somebody of another zone, with whom something is shared. */
export interface Foreign {
  readonly subject: Pair;
  readonly zone_id: string;
  readonly conditional: boolean;
}

export function expand(
  evaluation: Evaluation,
  asked: { readonly name: string; readonly place: Place; readonly limit: number },
) {
  const { name, place, limit } = asked;
  const found: Expansion & { has_more: boolean } = {
    subjects: [],
    groups: [],
    everyone: holdsFor(evaluation, [EVERY, EVERY], 'never')(name, place),
    conditional: [],
    foreign: [],
    has_more: false,
  };
  let listed = 0;
  for (const pair of sorted(new Candidates(evaluation).of(name, place))) {
    const sure = holdsFor(evaluation, pair, 'never')(name, place);
    if (!sure && !holdsFor(evaluation, pair, 'always')(name, place)) continue;
    if (++listed > limit) return { ...found, has_more: true };
    const foreign = foreignOf(pair);
    if (foreign) found.foreign.push({ ...foreign, conditional: !sure });
    else if (!sure) found.conditional.push(pair);
    else if (pair[0] === 'group') found.groups.push(pair);
    else found.subjects.push(pair);
  }
  return found;
}

const sorted = (pairs: Pair[]): Pair[] => pairs.sort((a, b) => comparePaths(a[0], b[0]) || comparePaths(a[1], b[1]));

/** A type of the graph that has a zone before it is that of a subject of there (Words). */
function foreignOf([type, id]: Pair): Omit<Foreign, 'conditional'> | undefined {
  const [zone_id = '', own] = type.split('|');
  return own === undefined ? undefined : { subject: [own, id], zone_id };
}

function holdsFor(evaluation: Evaluation, subject: Pair, mode: Mode) {
  const other = mode === 'never' ? 'always' : 'never';
  const closure = closureFor({ ...evaluation, mode }, subject);
  const opposite = closureFor({ ...evaluation, mode: other }, subject);
  return (name: string, place: Place): boolean => holdsName({ ...evaluation, mode, closure, opposite }, name, place);
}

/** A subject of another zone is in no group here, and not among everybody. */
function closureFor(asked: ClosureAsked, subject: Pair): Closure {
  const foreign = foreignOf(subject);
  if (!foreign) return closureOf(asked, [subject]);
  const { words } = asked.graph;
  const [type, id] = foreign.subject;
  return { nodes: new Map([[words.findNode(words.findType(type, foreign.zone_id), id), -1]]), set: undefined };
}

/** Goes from the object to everybody on the way. */
class Candidates {
  private readonly of_: Evaluation;
  private readonly found = new Set<number>();
  private readonly visited = new Set<string>();
  private readonly todo: { readonly plan: Plan; readonly place: Place }[] = [];

  constructor(evaluation: Evaluation) {
    this.of_ = evaluation;
  }

  of(name: string, place: Place): Pair[] {
    const { plans, budget, graph } = this.of_;
    const plan = plans.find(place.type, name);
    if (plan) this.todo.push({ plan, place });
    for (let next = this.todo.pop(); next; next = this.todo.pop()) {
      budget.visit();
      this.meet(next.plan, next.place);
    }
    const own = [...this.found].map(
      (node): Pair => [graph.words.typeText(graph.words.typeOf(node)), graph.words.idOf(node)],
    );
    // Everybody is told apart.
    return own.filter(([type]) => type !== EVERY);
  }

  private push(name: string, place: Place): void {
    const key = JSON.stringify([name, place.type, place.id]);
    const plan = this.of_.plans.find(place.type, name);
    if (!plan || this.visited.has(key)) return;
    this.visited.add(key);
    this.todo.push({ plan, place });
  }

  private meet(plan: Plan, place: Place): void {
    for (const { base, also } of plan.guarded) for (const part of [base, ...also]) this.meet(part, place);
    const above = place.id === '/' ? undefined : aboveOf(this.of_.graph, place);
    if (above) for (const { name } of plan.folder) this.push(name, above);
    if (place.node < 0) return;
    this.meetSubjects(plan, place.node);
    for (const step of plan.steps) this.follow(step, place.node);
  }

  private meetSubjects(plan: Plan, node: number): void {
    const { graph } = this.of_;
    for (let at = graph.first('object', node); at >= 0; at = graph.next('object', at)) {
      if (!plan.direct[graph.relations[at]!]) continue;
      const subject = placeAt(graph, graph.subjects[at]!);
      const set = graph.words.relation(graph.subjectRelations[at]!);
      if (set === '' || subject.type === 'group') this.found.add(subject.node);
      if (subject.type === 'group' && set === '') this.push('member', subject);
      else if (set !== '') this.push(set, subject);
    }
  }

  private follow({ tupleset, up, name }: Step, node: number): void {
    const { graph } = this.of_;
    const list = up ? 'subject' : 'object';
    for (let at = graph.first(list, node); at >= 0; at = graph.next(list, at)) {
      if (graph.relations[at] === tupleset) this.push(name, placeAt(graph, (up ? graph.objects : graph.subjects)[at]!));
    }
  }
}
