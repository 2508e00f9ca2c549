/**
 * Shows that a relation does not hold (access.md §9): the set of all pairs it could come from, none of which a tuple gives
 * and none of which can come from outside the set. Guarantee: found for exactly what the evaluator says no to.
 */
import { isDeepStrictEqual } from 'node:util';
import { parentOf } from '../../../base/paths.ts';
import { type Found, findHolding, type Place } from '../evaluate/evaluator.ts';
import { MEMBER, type Rule } from '../schema/rules.ts';
import { provenBy } from './granted.ts';
import type { DeniedProof, DeniedRow, GrantedNode, Lead, ThingText } from './proof.ts';
import { type Entry, type From, fromOf, type Sheet, type Sheets, sheetsOf } from './sheets.ts';
import type { Proving } from './tuples.ts';

/** Of a relation that does not hold. */
export const refuteNamed = (proving: Proving, goal: Lead): DeniedProof => ({
  visited: new Refuter(proving).ofPair(goal),
});

/** Of a part of the rule of a relation, which does not hold. */
export const refute = (proving: Proving, rule: Rule, at: Lead): DeniedProof => ({
  visited: new Refuter(proving).ofPart(rule, at),
});

const NONE: readonly never[] = [];

/** An object on the way. */
interface Thing {
  readonly object: ThingText;
  readonly node: number;
  readonly sheet: Sheet;
  /** By name: what rows call it. */
  readonly leads: (Lead | undefined)[];
  /** Names that were asked for, with which come all that they reach. */
  readonly asked: number[];
  /** How many of these were answered. */
  answered: number;
  /** By name: ids of its tuples, and those that lead to a set; read when it is first answered. */
  tuples: (string[] | undefined)[] | undefined;
  sets: (number[] | undefined)[];
}

/** Is told of an object and one of its names. */
type Meet = (thing: Thing, name: number) => void;

function isAsked({ asked, sheet }: Thing, name: number): boolean {
  for (let n = 0; n < asked.length; n++) if (sheet.entries[asked[n]!]!.reaches[name]) return true;
  return false;
}

const sheets = new WeakMap<Proving['evaluation']['plans'], Sheets>();

class Refuter {
  private readonly proving: Proving;
  private readonly sheets: Sheets;
  private readonly group: number;
  private readonly byNode = new Map<number, Thing>();
  /** Files that no tuple names. */
  private readonly byPath = new Map<string, Thing>();
  private readonly todo: Thing[] = [];
  private readonly found: DeniedRow[] = [];
  /** What is to do when everything was visited. */
  private readonly ends: (() => void)[] = [];

  constructor(proving: Proving) {
    const { plans, graph } = proving.evaluation;
    this.proving = proving;
    this.group = graph.words.findType('group', '');
    const known = sheets.get(plans) ?? sheetsOf(proving.schema, graph.words);
    sheets.set(plans, known);
    this.sheets = known;
  }

  ofPair({ object: [type, id], relation }: Lead): DeniedRow[] {
    const thing = this.thing(type, id);
    const name = thing?.sheet.find(relation);
    if (thing && name !== undefined) this.lead(thing, name);
    return this.rows();
  }

  ofPart(rule: Rule, { object: [type, id], relation }: Lead): DeniedRow[] {
    const thing = this.thing(type, id);
    if (thing) {
      this.read(thing);
      this.guardedRow(thing, { rule, relation });
    }
    return this.rows();
  }

  private rows(): DeniedRow[] {
    const { budget } = this.proving.evaluation;
    for (let thing = this.todo.pop(); thing; thing = this.todo.pop()) {
      budget.visit();
      for (; thing.answered < thing.asked.length; thing.answered++) this.answer(thing, thing.asked[thing.answered]!);
    }
    for (const end of this.ends) end();
    return this.found;
  }

  /** The name asked for, and all that it reaches but was not answered before. */
  private answer(thing: Thing, asked: number): void {
    this.read(thing);
    const { entries } = thing.sheet;
    for (const name of entries[asked]!.reach) {
      if (thing.answered === 0 || !this.wasAnswered(thing, name)) this.row(thing, name, entries[name]!);
    }
  }

  private wasAnswered({ sheet, asked, answered }: Thing, name: number): boolean {
    for (let n = 0; n < answered; n++) if (sheet.entries[asked[n]!]!.reaches[name]) return true;
    return false;
  }

  private row(thing: Thing, name: number, entry: Entry): void {
    const { object } = thing;
    const { relation, locals, froms, takes, guarded } = entry;
    if (guarded) {
      this.guardedRow(thing, entry);
      return;
    }
    const tuples = thing.tuples?.[name] ?? NONE;
    const sets = takes ? thing.sets[name] : undefined;
    if (locals.length === 0 && froms.length === 0 && !sets) {
      this.found.push({ object, relation, tuples, next: NONE });
      return;
    }
    const next: Lead[] = [];
    for (const local of locals) next.push(this.named(thing, local));
    const own = next.length;
    const add: Meet = (to, other) => next.push(this.lead(to, other));
    for (const from of froms) this.follow(thing, from, add);
    if (sets) this.toSets(sets, add);
    this.found.push({ object, relation, tuples, next: next.length > own + 1 ? [...new Set(next)] : next });
  }

  /** Where its rule leads is known when it is known what was visited. */
  private guardedRow(thing: Thing, { rule, relation }: { readonly rule: Rule; readonly relation: string }): void {
    const { object, sheet } = thing;
    const name = sheet.find(relation);
    const tuples = (name === undefined ? undefined : thing.tuples?.[name]) ?? NONE;
    const guards = new Guards(this, this.proving, { thing, relation });
    const refuted = guards.refute(rule);
    const next = new Set<Lead>();
    const at = this.found.push({ object, relation, tuples, next: NONE }) - 1;
    this.ends.push(() => {
      guards.leads(rule, (to, other) => {
        if (isAsked(to, other)) next.add(this.named(to, other));
      });
      this.found[at] = { object, relation, tuples, next: [...next], ...(refuted.length > 0 ? { refuted } : {}) };
    });
  }

  /** A name of an object as rows call it, which is answered with the name that leads to it. */
  private named(thing: Thing, name: number): Lead {
    const known = thing.leads[name];
    if (known) return known;
    const lead = { object: thing.object, relation: thing.sheet.entries[name]!.relation };
    thing.leads[name] = lead;
    return lead;
  }

  /** The same, and it is going to be answered. */
  lead(thing: Thing, name: number): Lead {
    if (!isAsked(thing, name)) {
      thing.asked.push(name);
      this.todo.push(thing);
    }
    return this.named(thing, name);
  }

  /** Meets what tuples with a relation, or the folder, lead to. */
  follow(thing: Thing, { tupleset, up, name }: From, meet: Meet): void {
    const { graph } = this.proving.evaluation;
    if (tupleset < 0) {
      const [, id] = thing.object;
      if (id !== '/') this.meet(this.thing('file', parentOf(id)), name, meet);
      return;
    }
    if (thing.node < 0) return;
    const list = up ? 'subject' : 'object';
    const ends = up ? graph.objects : graph.subjects;
    for (let at = graph.first(list, thing.node); at >= 0; at = graph.next(list, at)) {
      if (graph.relations[at] === tupleset && this.counts(at)) this.meet(this.thingAt(ends[at]!), name, meet);
    }
  }

  /** Meets the sets that tuples name. */
  toSets(tuples: readonly number[], meet: Meet): void {
    const { graph } = this.proving.evaluation;
    for (const at of tuples) {
      const set = graph.subjectRelations[at]!;
      this.meet(this.thingAt(graph.subjects[at]!), set === 0 ? MEMBER : graph.words.relation(set), meet);
    }
  }

  /** Types without the name have nothing to go on to. */
  private meet(thing: Thing | undefined, relation: string, meet: Meet): void {
    const name = thing?.sheet.find(relation);
    if (thing && name !== undefined) meet(thing, name);
  }

  private counts(at: number): boolean {
    const { graph, reliance, mode } = this.proving.evaluation;
    const terms = graph.termsOf(at);
    return terms === undefined || reliance.counts(terms, mode);
  }

  private thing(type: string, id: string): Thing | undefined {
    const { words } = this.proving.evaluation.graph;
    const node = words.findNode(words.findType(type, ''), id);
    if (node >= 0) return this.thingAt(node);
    const key = type === 'file' ? id : `${type} ${id}`;
    const known = this.byPath.get(key);
    if (known) return known;
    const made = this.make([type, id], node);
    if (made) this.byPath.set(key, made);
    return made;
  }

  private thingAt(node: number): Thing | undefined {
    const known = this.byNode.get(node);
    if (known) return known;
    const { words } = this.proving.evaluation.graph;
    const made = this.make([words.typeText(words.typeOf(node)), words.idOf(node)], node);
    if (made) this.byNode.set(node, made);
    return made;
  }

  private make(object: ThingText, node: number): Thing | undefined {
    const sheet = this.sheets.get(object[0]);
    return sheet && { object, node, sheet, leads: [], asked: [], answered: 0, tuples: undefined, sets: [] };
  }

  /** The tuples on an object, once. */
  private read(thing: Thing): void {
    if (thing.tuples) return;
    thing.tuples = [];
    if (thing.node < 0) return;
    const { graph } = this.proving.evaluation;
    const { byNumber } = thing.sheet;
    for (let at = graph.first('object', thing.node); at >= 0; at = graph.next('object', at)) {
      const name = byNumber[graph.relations[at]!];
      if (name === undefined) continue;
      const ids = thing.tuples[name];
      if (ids) ids.push(graph.idOf(at));
      else thing.tuples[name] = [graph.idOf(at)];
      const isSet = graph.subjectRelations[at] !== 0 || graph.words.typeOf(graph.subjects[at]!) === this.group;
      if (!isSet || !this.counts(at)) continue;
      const sets = thing.sets[name];
      if (sets) sets.push(at);
      else thing.sets[name] = [at];
    }
  }
}

/** One rule with intersections and exclusions in it, on one object. */
class Guards {
  private readonly refuter: Refuter;
  private readonly proving: Proving;
  private readonly at: { readonly thing: Thing; readonly relation: string };

  constructor(refuter: Refuter, proving: Proving, at: Guards['at']) {
    this.refuter = refuter;
    this.proving = proving;
    this.at = at;
  }

  /** Asks for all that shows the rule not to hold; gives the proofs of what must not hold and does. */
  refute(rule: Rule): GrantedNode[] {
    if ('union' in rule) return rule.union.flatMap((part) => this.refute(part)).filter(isFirst);
    if ('intersection' in rule) {
      const part = rule.intersection.find((one) => !this.find(one));
      if (!part) throw new Error('an intersection that holds is not refuted');
      return this.refute(part);
    }
    if ('exclusion' in rule) {
      const [base, minus] = rule.exclusion;
      const found = this.find(base) && this.find(minus);
      return found ? [provenBy(this.proving, found)] : this.refute(base);
    }
    this.leads(rule, (thing, name) => this.refuter.lead(thing, name));
    return [];
  }

  /** Everything that any part of the rule leads to, but for what must not hold. */
  leads(rule: Rule, meet: Meet): void {
    const { thing, relation } = this.at;
    const { sheet } = thing;
    if ('union' in rule) for (const part of rule.union) this.leads(part, meet);
    else if ('intersection' in rule) for (const part of rule.intersection) this.leads(part, meet);
    else if ('exclusion' in rule) this.leads(rule.exclusion[0], meet);
    else if ('from' in rule) {
      this.refuter.follow(thing, fromOf(rule.from, sheet.type, this.proving.evaluation.graph.words), meet);
    } else if ('computed' in rule) {
      const name = sheet.find(rule.computed);
      if (name !== undefined) meet(thing, name);
    } else {
      const name = sheet.find(relation);
      const sets = name === undefined ? undefined : thing.sets[name];
      if (sets) this.refuter.toSets(sets, meet);
    }
  }

  private find(rule: Rule): Found | undefined {
    const { evaluation } = this.proving;
    const { thing, relation: name } = this.at;
    const [type, id] = thing.object;
    const place: Place = { type, id, node: thing.node };
    return findHolding(evaluation, { plan: evaluation.plans.part(rule, { type, name }), place });
  }
}

const isFirst = (one: GrantedNode, at: number, all: readonly GrantedNode[]): boolean =>
  all.findIndex((other) => isDeepStrictEqual(other, one)) === at;
