/**
 * Who a subject is to a graph: itself, what stands for everybody, and every group that holds one of these. Guarantees:
 * membership nests to any depth, cycles end; conditions and ends of memberships are obeyed.
 */
import type { Graph } from '../graph/graph.ts';
import { EVERY, MEMBER } from '../schema/rules.ts';
import type { Mode, Reliance } from './reliance.ts';

/** `[type, id]` or `[type, id, relation]`. */
export type SubjectText = readonly [string, string, string?];

/** Counts what is visited; throws LIMIT_EXCEEDED where it is too much. */
export interface Budget {
  visit(): void;
  exceed(): never;
  /** The same, of a question of its own. */
  again(): Budget;
}

export interface Closure {
  /** Nodes that a tuple may name; of groups the membership by which they were found, else -1. */
  readonly nodes: ReadonlyMap<number, number>;
  /** A subject that is a set of its own: its node and relation. */
  readonly set: { readonly node: number; readonly relation: number } | undefined;
}

/** Types and ids that stand for a subject without any group. */
export function seedsOf(subjects: readonly SubjectText[]): [string, string][] {
  const own = subjects.filter(([, , relation]) => relation === undefined || relation === '' || relation === MEMBER);
  return [
    ...own.map(([type, id]): [string, string] => [type, id]),
    ...subjects.map(([type]): [string, string] => [type, EVERY]),
    [EVERY, EVERY],
  ];
}

export interface ClosureAsked {
  readonly graph: Graph;
  readonly reliance: Reliance;
  readonly mode: Mode;
  readonly budget: Budget;
}

export function closureOf(asked: ClosureAsked, subjects: readonly SubjectText[]): Closure {
  const { words } = asked.graph;
  const find = (type: string, id: string): number => words.findNode(words.findType(type, ''), id);
  const nodes = new Map<number, number>();
  for (const [type, id] of seedsOf(subjects)) {
    const node = find(type, id);
    if (node >= 0) nodes.set(node, -1);
  }
  for (const node of nodes.keys()) addGroupsOf(asked, node, nodes);
  const set = subjects.find(([, , relation]) => relation !== undefined && relation !== '' && relation !== MEMBER);
  return { nodes, set: set && { node: find(set[0], set[1]), relation: words.number(set[2] ?? '') } };
}

/** A map grows while it is gone through, and what was added comes later. */
function addGroupsOf({ graph, reliance, mode, budget }: ClosureAsked, node: number, nodes: Map<number, number>): void {
  budget.visit();
  for (let at = graph.first('member', node); at >= 0; at = graph.next('member', at)) {
    const set = graph.subjectRelations[at]!;
    if (set !== 0 && set !== graph.words.member) continue;
    const group = graph.objects[at]!;
    if (nodes.has(group) || graph.words.typeText(graph.words.typeOf(group)) !== 'group') continue;
    const terms = graph.termsOf(at);
    if (terms && !reliance.counts(terms, mode)) continue;
    nodes.set(group, at);
  }
}

/** The subjects as a graph of another zone knows them: as guests from this one, by themselves or by their groups. */
export function asGuests(
  closure: Closure,
  { from, to, zone }: { readonly from: Graph; readonly to: Graph; readonly zone: string },
  subjects: readonly SubjectText[],
): Closure {
  const nodes = new Map<number, number>();
  for (const [type, id] of namesOf(closure, from, subjects)) {
    const guest = to.words.findNode(to.words.findType(type, zone), id);
    if (guest >= 0) nodes.set(guest, -1);
  }
  return { nodes, set: undefined };
}

/** The subjects, what stands for them, and their groups; also those that no tuple of the graph names. */
export function namesOf(closure: Closure, { words }: Graph, subjects: readonly SubjectText[]): [string, string][] {
  const groups = [...closure.nodes.keys()].map((node): [string, string] => [
    words.typeText(words.typeOf(node)),
    words.idOf(node),
  ]);
  return [...seedsOf(subjects), ...groups.filter(([type]) => type === 'group')];
}
