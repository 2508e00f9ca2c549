/**
 * Shows that a relation does not hold (access.md §9): the set of all pairs it could come from, none of which a tuple gives
 * and none of which can come from outside the set. Guarantee: found for exactly what the evaluator says no to.
 */
import { isDeepStrictEqual } from 'node:util';
import { aboveOf, type Found, findHolding, hashOfPlace, type Place, placeAt } from '../evaluate/evaluator.ts';
import type { Graph } from '../graph/graph.ts';
import { MEMBER, type Rule } from '../schema/rules.ts';
import { provenBy } from './granted.ts';
import type { DeniedProof, DeniedRow, GrantedNode, Lead, ThingText } from './proof.ts';
import { type Entry, type From, fromOf, type Sheet, type Sheets, sheetsOf } from './sheets.ts';
import type { Proving } from './tuples.ts';

/** Of a relation that does not hold. */
export const refuteNamed = (proving: Proving, place: Place, relation: string): DeniedProof => ({
  visited: new Refuter(proving).ofPair(place, relation),
});

/** Of a part of the rule of a relation, which does not hold. */
export const refute: Proving['refute'] = (proving, rule, { place, relation }) => ({
  visited: new Refuter(proving).ofPart(rule, place, relation),
});

const NONE: readonly never[] = [];
const NOTHING: number[] = [];
const NO_SETS: (number[] | undefined)[] = [];

/** An object on the way. */
interface Thing {
  readonly object: ThingText;
  readonly place: Place;
  readonly sheet: Sheet;
  /** By name: what rows call it. */
  readonly leads: (Lead | undefined)[];
  above: Thing | undefined;
  /** Another that no tuple names, whose id has the same hash. */
  sameHash: Thing | undefined;
  /** Names that were asked for, with which come all that they reach. */
  asked: number[];
  /** How many of these were answered. */
  answered: number;
  /** By name: ids of its tuples, and those that lead to a set; read when it is first answered. */
  tuples: (string[] | undefined)[] | undefined;
  sets: (number[] | undefined)[];
}

/** Is told of an object and one of its names. */
type Meet = (thing: Thing, name: number) => unknown;

function isAsked({ asked, sheet }: Thing, name: number): boolean {
  for (let n = 0; n < asked.length; n++) if (sheet.entries[asked[n]!]!.reaches[name]) return true;
  return false;
}

const sheets = new WeakMap<Proving['evaluation']['plans'], Sheets>();

class Refuter {
  private readonly proving: Proving;
  private readonly sheets: Sheets;
  private readonly graph: Graph;
  private readonly byNode = new Map<number, Thing>();
  /** By hash of the id: those that no tuple names. A map of new texts would have to keep each for all time to come. */
  private readonly byHash = new Map<number, Thing>();
  private readonly todo: Thing[] = [];
  private readonly found: DeniedRow[] = [];
  /** What tuples of the row that is being made lead to. */
  private met: Lead[] = [];
  private readonly addMet: Meet = (thing, name) => this.met.push(this.lead(thing, name));
  /** What is to do when everything was visited. */
  private readonly ends: (() => void)[] = [];

  constructor(proving: Proving) {
    const { plans, graph } = proving.evaluation;
    this.proving = proving;
    this.graph = graph;
    const known = sheets.get(plans) ?? sheetsOf(proving.schema, graph.words);
    sheets.set(plans, known);
    this.sheets = known;
  }

  ofPair(place: Place, relation: string): DeniedRow[] {
    const thing = this.thing(place);
    const name = thing?.sheet.find(relation);
    if (thing && name !== undefined) this.lead(thing, name);
    return this.rows();
  }

  ofPart(rule: Rule, place: Place, relation: string): DeniedRow[] {
    const thing = this.thing(place);
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
    if (entry.guarded) {
      this.guardedRow(thing, entry);
      return;
    }
    const { object } = thing;
    const { relation, bare } = entry;
    if (thing.place.node >= 0) {
      const next = this.withTuples(thing, entry, { next: bare ? NONE : this.nextOf(thing, entry), name });
      this.found.push({ object, relation, tuples: thing.tuples?.[name] ?? NONE, next });
    } else this.found.push({ object, relation, tuples: NONE, next: bare ? NONE : this.nextOf(thing, entry) });
  }

  /** What needs no tuple to lead there. */
  private nextOf(thing: Thing, { locals, folders }: Entry): readonly Lead[] {
    const above = folders.length > 0 ? this.aboveOf(thing) : undefined;
    const own = locals.length + (above ? folders.length : 0);
    // An array that grows takes room for more than it is going to have.
    const leads = new Array<Lead>(own);
    for (let n = 0; n < locals.length; n++) leads[n] = this.named(thing, locals[n]!);
    if (above) for (let n = 0; n < folders.length; n++) leads[locals.length + n] = this.lead(above, folders[n]!);
    return leads;
  }

  /** With what tuples lead to, too. */
  private withTuples(
    thing: Thing,
    { froms, takes }: Entry,
    { next, name }: { readonly next: readonly Lead[]; readonly name: number },
  ): readonly Lead[] {
    const sets = takes ? thing.sets[name] : undefined;
    if (sets) this.toSets(sets, this.addMet);
    for (let n = 0; n < froms.length; n++) this.follow(thing, froms[n]!, this.addMet);
    const { met } = this;
    if (met.length === 0) return next;
    this.met = [];
    return next.length === 0 && met.length === 1 ? met : [...new Set([...next, ...met])];
  }

  /** The folder of a file. */
  private aboveOf(thing: Thing): Thing | undefined {
    if (thing.above || thing.place.id === '/') return thing.above;
    thing.above = this.thing(aboveOf(this.graph, thing.place));
    return thing.above;
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
    if (thing.asked.length === 0) {
      thing.asked = [name];
      this.todo.push(thing);
    } else if (!isAsked(thing, name)) {
      thing.asked.push(name);
      this.todo.push(thing);
    }
    return this.named(thing, name);
  }

  /** Meets what tuples with a relation, or the folder, lead to. */
  follow(thing: Thing, { tupleset, up, name }: From, meet: Meet): void {
    const { graph } = this.proving.evaluation;
    if (tupleset < 0) {
      this.meet(this.aboveOf(thing), name, meet);
      return;
    }
    const { node } = thing.place;
    if (node < 0) return;
    const list = up ? 'subject' : 'object';
    const ends = up ? graph.objects : graph.subjects;
    for (let at = graph.first(list, node); at >= 0; at = graph.next(list, at)) {
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

  private thing(place: Place): Thing | undefined {
    const { type, id, node } = place;
    if (node >= 0) return this.byNode.get(node) ?? this.make(place);
    const hash = hashOfPlace(place);
    const same = this.byHash.get(hash);
    let known = same;
    while (known && (known.place.id !== id || known.place.type !== type)) known = known.sameHash;
    if (known) return known;
    const made = this.make(place);
    if (!made) return undefined;
    made.sameHash = same;
    this.byHash.set(hash, made);
    return made;
  }

  private thingAt(node: number): Thing | undefined {
    const known = this.byNode.get(node);
    if (known) return known;
    return this.make(placeAt(this.graph, node));
  }

  private make(place: Place): Thing | undefined {
    const { type, id, node } = place;
    const sheet = this.sheets.get(type);
    if (!sheet) return undefined;
    const object: ThingText = [type, id];
    const leads = new Array<Lead | undefined>(sheet.entries.length);
    const made: Thing = {
      object,
      place,
      sheet,
      leads,
      above: undefined,
      sameHash: undefined,
      asked: NOTHING,
      answered: 0,
      tuples: undefined,
      sets: NO_SETS,
    };
    if (node >= 0) this.byNode.set(node, made);
    return made;
  }

  /** The tuples on an object, once. */
  private read(thing: Thing): void {
    const { node } = thing.place;
    if (thing.tuples || node < 0) return;
    thing.tuples = [];
    thing.sets = [];
    const { graph } = this;
    const { relations } = graph;
    const { byNumber } = thing.sheet;
    let last = -1;
    let ids: string[] = [];
    for (let at = graph.first('object', node); at >= 0; at = graph.next('object', at)) {
      const name = byNumber[relations[at]!];
      if (name === undefined) continue;
      // Most tuples on an object have the relation of the one before.
      if (name !== last) {
        last = name;
        ids = thing.tuples[name] ?? [];
        thing.tuples[name] = ids;
      }
      ids.push(graph.idOf(at));
      if (!graph.namesSet(at) || !this.counts(at)) continue;
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
    const { place } = this.at.thing;
    const plan = evaluation.plans.part(rule, { type: place.type, name: this.at.relation });
    return findHolding(evaluation, { plan, place });
  }
}

const isFirst = (one: GrantedNode, at: number, all: readonly GrantedNode[]): boolean =>
  all.findIndex((other) => isDeepStrictEqual(other, one)) === at;
