/**
 * One way in which a relation holds, as a tree (access.md §9), made of what the evaluator went along. Guarantee: there is a
 * tree for exactly what the evaluator says yes to.
 */
import { limitExceeded } from '../../../base/limits.ts';
import { type Found, findHolding, type Open, opened, type Place, type Todo } from '../evaluate/evaluator.ts';
import type { Guarded, Way } from '../schema/plans.ts';
import { MEMBER } from '../schema/rules.ts';
import type { GrantedNode, Lead, ThingText } from './proof.ts';
import { naming, type Proving, textOf, thingAt } from './tuples.ts';

/** Links of a proof, one below another. */
const LINKS_MAX = 500;

/** The tree of what was found, from its last node to the goal. */
export function provenBy(proving: Proving, { todo, tuple, open }: Found): GrantedNode {
  let node = leafOf(proving, todo, tuple);
  let links = 0;
  for (let at = todo; at.from; at = at.from) {
    checkLinks(++links);
    node = linked(proving, { at, from: at.from, node, open });
  }
  return node;
}

function checkLinks(actual: number): void {
  if (actual > LINKS_MAX) throw limitExceeded('PROOF_DEPTH', LINKS_MAX, { actual, what: 'links of a proof' });
}

const thingOf = ({ type, id }: Place): ThingText => [type, id];

/** The tuple that decided, below it how the subject is in the group that it names. */
function leafOf(proving: Proving, { plan, place }: Todo, tuple: number): GrantedNode {
  const { graph, closure } = proving.evaluation;
  const chain = [tuple];
  for (let at = tuple; naming(proving, at) === 'group'; chain.push(at)) {
    at = closure.nodes.get(graph.subjects[at]!) ?? -1;
    checkLinks(chain.length);
  }
  let node: GrantedNode | undefined;
  for (let n = chain.length - 1; n > 0; n--) {
    const at = chain[n]!;
    node = byTuple(proving, at, { object: thingAt(graph, graph.objects[at]!), relation: MEMBER, below: node });
  }
  const way = wayOf(plan.direct[graph.relations[tuple]!]);
  const object = thingOf(place);
  return around(object, way, byTuple(proving, tuple, { object, relation: way.relation, below: node }));
}

interface ByTuple extends Lead {
  readonly below: GrantedNode | undefined;
  /** Else how the tuple stands to the subject. */
  readonly rule?: 'from' | 'group';
}

function byTuple(proving: Proving, at: number, { object, relation, below, rule }: ByTuple): GrantedNode {
  const tuple = textOf(proving, at);
  const { conditions } = tuple;
  const children = below ? [below] : [];
  const kind = rule ?? naming(proving, at);
  if (conditions === null) return { granted: true, object, relation, rule: kind, tuple, children };
  return { granted: true, object, relation, rule: kind, tuple, conditions, children };
}

/** The node in what of the rules is around it. */
function around(object: ThingText, way: Way, inner: GrantedNode): GrantedNode {
  let node = inner;
  for (let n = way.around.length - 1; n >= 0; n--) {
    const { relation, rule } = way.around[n]!;
    node = { granted: true, object, relation, rule, children: [node] };
  }
  return node;
}

interface Linking {
  readonly at: Todo;
  readonly from: Todo;
  /** What is proven of `at`. */
  readonly node: GrantedNode;
  readonly open: readonly Open[];
}

function linked(proving: Proving, { at, from, node, open }: Linking): GrantedNode {
  const { over, link, by } = at;
  const object = thingOf(from.place);
  if (over && 'rule' in over) return guarded(proving, over, { place: from.place, node, open });
  const way = wayOf(over);
  const { relation } = way;
  if (link === 'folder')
    return around(object, way, { granted: true, object, relation, rule: 'folder', children: [node] });
  const rule = link === 'from' ? 'from' : 'group';
  return around(object, way, byTuple(proving, by, { object, relation, below: node, rule }));
}

function guarded(
  proving: Proving,
  over: Guarded,
  { place, node, open }: { readonly place: Place; readonly node: GrantedNode; readonly open: readonly Open[] },
): GrantedNode {
  const { rule, also, way } = over;
  const at: Lead = { object: thingOf(place), relation: way.relation };
  if ('exclusion' in rule) {
    const denied = proving.refute(proving, rule.exclusion[1], { place, relation: way.relation });
    return around(at.object, way, { granted: true, ...at, rule: 'exclusion', children: [node], denied });
  }
  const asked = opened(open, over, place);
  const beside = also.map((plan) => {
    const found = findHolding(proving.evaluation, { plan, place }, asked);
    if (!found) throw new Error('a part of an intersection holds no longer');
    return provenBy(proving, found);
  });
  return around(at.object, way, { granted: true, ...at, rule: 'intersection', children: [...beside, node] });
}

function wayOf(way: Way | undefined): Way {
  if (!way) throw new Error('a search went a way that no plan has');
  return way;
}
