/**
 * Does a subject hold a name on an object, and by what? The one evaluator, of checks, of enforcement and of proofs. It goes
 * from the object along rules and asks at each node for tuples that name the subject, or one of the groups it is in.
 * Guarantees: exactly what the rules give, cycles being harmless; whatever takes more nodes than the budget is refused,
 * never guessed.
 *
 * What must hold beside a base, and what must not, is asked first and by itself; then everything on the way is a plain
 * "or", so a node that was visited need not be visited again, and the first tuple found answers the question. A guarded
 * part that meets itself while it is asked counts as not holding there: no smallest proof contains itself.
 */
import { parentOf } from '../../../base/paths.ts';
import { EMPTY_HASH, hashOf, hashWith } from '../../../base/seeded-hash.ts';
import type { Graph } from '../graph/graph.ts';
import type { Guarded, Plan, Plans, Step, Way } from '../schema/plans.ts';
import type { Budget, Closure } from './closure.ts';
import type { Mode, Reliance } from './reliance.ts';

export interface Place {
  readonly type: string;
  readonly id: string;
  /** -1 of an object that no tuple names. */
  readonly node: number;
  /** Of a file, the folder it lies in, once it was asked for: finding a path by its text is most of what a step costs. */
  above: Place | undefined;
  /** Of a file that was asked for by its path, and of folders above. */
  readonly way: FileWay | undefined;
}

/** Hashes of the folders on the way to a file and of the file itself, `/` first, and the place among them. */
interface FileWay {
  readonly hashes: readonly number[];
  readonly at: number;
}

export interface Evaluation {
  readonly graph: Graph;
  readonly plans: Plans;
  readonly closure: Closure;
  /** The subject as it is where every condition is taken the other way; for what must not hold. */
  readonly opposite?: Closure;
  readonly reliance: Reliance;
  readonly mode: Mode;
  readonly budget: Budget;
}

export function placeOf({ words }: Graph, type: string, id: string): Place {
  const numberOf = words.findType(type, '');
  if (type !== 'file') return { type, id, node: words.findNode(numberOf, id), above: undefined, way: undefined };
  const way = wayTo(id);
  return { type, id, node: words.findNode(numberOf, id, hashAt(way)), above: undefined, way };
}

/** Of a node. All places have the same fields, whether they use them or not, which makes reading them quick. */
export function placeAt({ words }: Graph, node: number): Place {
  return { type: words.typeText(words.typeOf(node)), id: words.idOf(node), node, above: undefined, way: undefined };
}

/** The folder of a file other than `/`. */
export function aboveOf({ words }: Graph, place: Place): Place {
  if (place.above) return place.above;
  const { hashes, at } = place.way ?? wayTo(place.id);
  const way = { hashes, at: at - 1 };
  const id = parentOf(place.id);
  const node = words.findNode(words.findType('file', ''), id, hashAt(way));
  const above = { type: 'file', id, node, above: undefined, way };
  place.above = above;
  return above;
}

/** The hash of the id of a place, without going through its text where that was done before. */
export const hashOfPlace = ({ way, id }: Place): number => (way ? hashAt(way) : hashOf(id));

const hashAt = ({ hashes, at }: FileWay): number => hashes[at]!;

const SLASH = 0x2f;

/** One pass over a path for itself and all folders above it. */
function wayTo(path: string): FileWay {
  let hash = EMPTY_HASH;
  const hashes: number[] = [];
  for (let at = 0; at < path.length; at++) {
    const character = path.charCodeAt(at);
    if (character === SLASH && at > 0) hashes.push(hash);
    hash = hashWith(hash, character);
    if (at === 0) hashes.push(hash);
  }
  if (path.length !== 1) hashes.push(hash);
  return { hashes, at: hashes.length - 1 };
}

/** What led the search somewhere; `set` is a tuple whose subject is a set. */
export type Link = 'goal' | 'base' | 'folder' | 'from' | 'set';

/** What is asked, and how the search came to it. */
export interface Todo {
  readonly plan: Plan;
  readonly place: Place;
  readonly link: Link;
  /** None of the goal. */
  readonly from: Todo | undefined;
  /** Where the link stands in the plan it came from: the guarded part of a base, of others a way. */
  readonly over: Guarded | Way | undefined;
  /** The tuple that led here, else -1. */
  readonly by: number;
}

/** Guarded parts that are being asked about. */
export interface Open {
  readonly guarded: Guarded;
  readonly id: string;
  readonly type: string;
}

/** How a name came to hold. */
export interface Found {
  readonly todo: Todo;
  /** On the object of `todo`. */
  readonly tuple: number;
  /** What was being asked about when it was found. */
  readonly open: readonly Open[];
}

/** Guarded parts that wait for one another, and searches for what must not hold. */
const DEPTH_MAX = 1_000;

const goalOf = (plan: Plan, place: Place): Todo => ({
  plan,
  place,
  link: 'goal',
  from: undefined,
  over: undefined,
  by: -1,
});

/** Does the name hold? Unknown names hold nowhere. */
export function holdsName(evaluation: Evaluation, name: string, place: Place): boolean {
  const plan = evaluation.plans.find(place.type, name);
  return plan !== undefined && new Search(evaluation, []).holds(goalOf(plan, place), false);
}

/** The same without what the folder of the object gives it. */
export function holdsNameHere(evaluation: Evaluation, name: string, place: Place): boolean {
  const plan = evaluation.plans.find(place.type, name);
  return plan !== undefined && new Search(evaluation, []).holds(goalOf(plan, place), true);
}

/** By what a plan holds, while some guarded parts are being asked about; undefined where it does not. */
export function findHolding(
  evaluation: Evaluation,
  { plan, place }: { readonly plan: Plan; readonly place: Place },
  open: readonly Open[] = [],
): Found | undefined {
  const search = new Search(evaluation, open);
  const holds = search.holds(goalOf(plan, place), false);
  return holds && search.last ? { todo: search.last, tuple: search.tuple, open } : undefined;
}

class Search {
  /** What answered the question. */
  last: Todo | undefined;
  tuple = -1;
  private readonly of: Evaluation;
  private readonly open: readonly Open[];
  /** Searches for what must not hold that this one is inside of. */
  private readonly minuses: number;
  private readonly visited = new Set<number>();
  private readonly todo: Todo[] = [];

  constructor(of: Evaluation, open: readonly Open[], minuses = 0) {
    this.of = of;
    this.open = open;
    this.minuses = minuses;
  }

  holds(goal: Todo, here: boolean): boolean {
    const { budget } = this.of;
    if (this.stepsOrHolds(goal, !here)) return true;
    for (let next = this.todo.pop(); next; next = this.todo.pop()) {
      if (this.wasVisited(next)) continue;
      budget.visit();
      if (this.stepsOrHolds(next, true)) return true;
    }
    return false;
  }

  private wasVisited({ plan, place: { node } }: Todo): boolean {
    // Of an object without tuples only folders are left, and these end by themselves.
    if (node < 0 || plan.index < 0) return false;
    const key = node * this.of.plans.count + plan.index;
    if (this.visited.has(key)) return true;
    this.visited.add(key);
    return false;
  }

  /** True where a tuple on the object gives it; else everything that it may come from is to do. */
  private stepsOrHolds(todo: Todo, folders: boolean): boolean {
    const { plan, place } = todo;
    if (place.node >= 0 && this.given(todo)) return true;
    for (const guarded of plan.guarded) {
      const base = this.passed(guarded, place);
      if (base && this.stepsOrHolds({ plan: base, place, link: 'base', from: todo, over: guarded, by: -1 }, true))
        return true;
    }
    if (folders && plan.folder.length > 0 && place.id !== '/') this.goUp(todo);
    if (place.node < 0) return false;
    for (const step of plan.steps) this.follow(step, todo);
    return false;
  }

  private goUp(from: Todo): void {
    const above = aboveOf(this.of.graph, from.place);
    for (const { name, way } of from.plan.folder) {
      const plan = this.of.plans.find('file', name);
      if (plan) this.todo.push({ plan, place: above, link: 'folder', from, over: way, by: -1 });
    }
  }

  private given(todo: Todo): boolean {
    const { graph, closure } = this.of;
    const { member } = graph.words;
    const { direct } = todo.plan;
    const { node } = todo.place;
    for (let at = graph.first('object', node); at >= 0; at = graph.next('object', at)) {
      const over = direct[graph.relations[at]!];
      if (!over) continue;
      const subject = graph.subjects[at]!;
      const relation = graph.subjectRelations[at]!;
      if (relation === 0 || relation === member) {
        if (closure.nodes.has(subject) && this.counts(at)) return this.answer(todo, at);
        continue;
      }
      if (!this.counts(at)) continue;
      if (closure.set?.node === subject && closure.set.relation === relation) return this.answer(todo, at);
      this.push(graph.words.relation(relation), subject, { link: 'set', from: todo, over, by: at });
    }
    return false;
  }

  private answer(todo: Todo, tuple: number): true {
    this.last = todo;
    this.tuple = tuple;
    return true;
  }

  private follow({ tupleset, up, name, way: over }: Step, from: Todo): void {
    const { graph } = this.of;
    const list = up ? 'subject' : 'object';
    const ends = up ? graph.objects : graph.subjects;
    for (let at = graph.first(list, from.place.node); at >= 0; at = graph.next(list, at)) {
      if (graph.relations[at] !== tupleset || !this.counts(at)) continue;
      this.push(name, ends[at]!, { link: 'from', from, over, by: at });
    }
  }

  private push(name: string, node: number, { link, from, over, by }: Omit<Todo, 'plan' | 'place'>): void {
    const place = placeAt(this.of.graph, node);
    const plan = this.of.plans.find(place.type, name);
    if (plan) this.todo.push({ plan, place, link, from, over, by });
  }

  private counts(at: number): boolean {
    const terms = this.of.graph.termsOf(at);
    return terms === undefined || this.of.reliance.counts(terms, this.of.mode);
  }

  /** The base that is left to be found, where all the rest is as it must be. */
  private passed(guarded: Guarded, place: Place): Plan | undefined {
    const isOpen = this.open.some((one) => one.guarded === guarded && one.id === place.id && one.type === place.type);
    if (isOpen) return undefined;
    const open = opened(this.open, guarded, place);
    if (open.length + this.minuses > DEPTH_MAX) this.of.budget.exceed();
    for (const also of guarded.also) {
      this.of.budget.visit();
      if (!new Search(this.of, open, this.minuses).holds(goalOf(also, place), false)) return undefined;
    }
    if (!guarded.minus) return guarded.base;
    this.of.budget.visit();
    // No minus depends on what is being asked, so it is asked as if nothing were.
    const forbidden = new Search(opposed(this.of), [], this.minuses + 1);
    return forbidden.holds(goalOf(guarded.minus, place), false) ? undefined : guarded.base;
  }
}

/** With one more part being asked about. */
export const opened = (open: readonly Open[], guarded: Guarded, { id, type }: Place): readonly Open[] => [
  ...open,
  { guarded, id, type },
];

const OPPOSITE = { context: 'context', never: 'always', always: 'never' } as const;

function opposed(evaluation: Evaluation): Evaluation {
  if (evaluation.mode === 'context') return evaluation;
  const { closure, opposite = closure } = evaluation;
  return { ...evaluation, mode: OPPOSITE[evaluation.mode], closure: opposite, opposite: closure };
}
