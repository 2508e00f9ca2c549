/**
 * The tuples of one zone in memory, by subject and by object, as small integers in typed arrays. Pure. Guarantees: every
 * tuple is found from either side; one that was taken out is not; some 40 bytes a tuple beside the texts of its ends.
 */
import type { Conditions } from '../conditions/conditions.ts';
import type { Words } from './words.ts';

/** A tuple as the graph takes it. */
export interface GraphTuple {
  readonly tuple_id: string;
  /** Zone of the subject; empty for the graph's own. */
  readonly zone: string;
  readonly subject_type: string;
  readonly subject_id: string;
  readonly subject_relation: string;
  readonly relation: string;
  readonly object_type: string;
  readonly object_id: string;
  readonly expires_at: number | null;
  readonly conditions: Conditions | null;
}

export type GraphFact = Omit<GraphTuple, 'tuple_id' | 'expires_at' | 'conditions'>;

/** What a tuple counts on. */
export interface Terms {
  readonly expires_at: number | null;
  readonly conditions: Conditions | null;
}

const NONE = -1;
/** `terms` has an entry. */
const TIMED = 1;
/** The subject is a group or another set. */
const TO_SET = 2;
/** The lists of a node. */
const LISTS = ['object', 'subject', 'member'] as const;
type List = (typeof LISTS)[number];

interface Links {
  /** By node: first tuple, and how many. */
  heads: Int32Array;
  counts: Int32Array;
}

export class Graph {
  readonly words: Words;
  /** Tuples that are in. */
  size = 0;
  /** By tuple. */
  subjects = new Int32Array(16);
  objects = new Int32Array(16);
  relations = new Uint16Array(16);
  subjectRelations = new Uint16Array(16);
  private nextOfObject = new Int32Array(16);
  private nextOfSubject = new Int32Array(16);
  /** Bits of each tuple: {@link TIMED}, {@link TO_SET}. */
  private marks = new Uint8Array(16);
  private readonly terms = new Map<number, Terms>();
  private readonly ids: string[] = [];
  private used = 0;
  private free = NONE;
  private readonly ofObjects = noLinks();
  private readonly ofSubjects = noLinks();
  private readonly ofMembers = noLinks();

  constructor(words: Words) {
    this.words = words;
  }

  /** The first tuple on an object, of a subject, or of a subject as a member; -1 for none. */
  first(list: List, node: number): number {
    return this.links(list).heads[node] ?? NONE;
  }

  /** The next one of the same list. */
  next(list: List, tuple: number): number {
    return (list === 'object' ? this.nextOfObject[tuple] : this.nextOfSubject[tuple]) ?? NONE;
  }

  count(list: List, node: number): number {
    return this.links(list).counts[node] ?? 0;
  }

  /** undefined: it counts always. */
  termsOf(tuple: number): Terms | undefined {
    return (this.marks[tuple]! & TIMED) === 0 ? undefined : this.terms.get(tuple);
  }

  /** Is its subject a group, or another set of subjects? */
  namesSet(tuple: number): boolean {
    return (this.marks[tuple]! & TO_SET) !== 0;
  }

  idOf(tuple: number): string {
    return this.ids[tuple] ?? '';
  }

  *tuples(): Generator<number> {
    for (let at = 0; at < this.used; at++) if (this.relations[at] !== 0) yield at;
  }

  /** Every tuple with a relation. */
  *withRelation(relation: number): Generator<number> {
    for (let at = 0; at < this.used; at++) if (this.relations[at] === relation) yield at;
  }

  add(tuple: GraphTuple): void {
    const { words } = this;
    const subject = words.node(words.type(tuple.subject_type, tuple.zone), tuple.subject_id);
    const object = words.node(words.type(tuple.object_type, ''), tuple.object_id);
    const slot = this.slot();
    this.subjects[slot] = subject;
    this.objects[slot] = object;
    this.relations[slot] = words.number(tuple.relation);
    this.subjectRelations[slot] = words.number(tuple.subject_relation);
    this.ids[slot] = tuple.tuple_id;
    const { expires_at, conditions } = tuple;
    const timed = expires_at !== null || conditions !== null;
    if (timed) this.terms.set(slot, { expires_at, conditions });
    const { subject_type, subject_relation, zone } = tuple;
    const toSet = subject_relation !== '' || (subject_type === 'group' && zone === '');
    this.marks[slot] = (timed ? TIMED : 0) | (toSet ? TO_SET : 0);
    this.reserveNodes();
    this.push('object', object, slot);
    this.push(this.sideOf(slot), subject, slot);
    this.size++;
  }

  /** Takes a fact out and gives it; undefined where it was not in. */
  remove(fact: GraphFact): GraphTuple | undefined {
    const slot = this.find(fact);
    if (slot === NONE) return undefined;
    const { expires_at = null, conditions = null } = this.terms.get(slot) ?? {};
    const tuple: GraphTuple = { ...fact, tuple_id: this.idOf(slot), expires_at, conditions };
    this.drop('object', this.objects[slot]!, slot);
    this.drop(this.sideOf(slot), this.subjects[slot]!, slot);
    this.terms.delete(slot);
    this.relations[slot] = 0;
    this.ids[slot] = '';
    this.nextOfObject[slot] = this.free;
    this.free = slot;
    this.size--;
    return tuple;
  }

  /** Not by the text of a key: every step of a search asks for it. */
  private links(list: List): Links {
    if (list === 'object') return this.ofObjects;
    return list === 'member' ? this.ofMembers : this.ofSubjects;
  }

  /** Memberships are a list of their own, so that groups of a subject are found past any number of grants to it. */
  private sideOf(slot: number): 'subject' | 'member' {
    return this.relations[slot] === this.words.member ? 'member' : 'subject';
  }

  private find(fact: GraphFact): number {
    const { words } = this;
    const subject = words.findNode(words.findType(fact.subject_type, fact.zone), fact.subject_id);
    const object = words.findNode(words.findType(fact.object_type, ''), fact.object_id);
    if (subject === NONE || object === NONE) return NONE;
    const relation = words.number(fact.relation);
    const subjectRelation = words.number(fact.subject_relation);
    const side = relation === words.member ? 'member' : 'subject';
    const list = this.count('object', object) <= this.count(side, subject) ? 'object' : side;
    for (let at = this.first(list, list === 'object' ? object : subject); at >= 0; at = this.next(list, at)) {
      if (this.subjects[at] !== subject || this.objects[at] !== object) continue;
      if (this.relations[at] === relation && this.subjectRelations[at] === subjectRelation) return at;
    }
    return NONE;
  }

  private push(list: List, node: number, slot: number): void {
    const { heads, counts } = this.links(list);
    const next = list === 'object' ? this.nextOfObject : this.nextOfSubject;
    next[slot] = heads[node]!;
    heads[node] = slot;
    counts[node]!++;
  }

  private drop(list: List, node: number, slot: number): void {
    const { heads, counts } = this.links(list);
    const next = list === 'object' ? this.nextOfObject : this.nextOfSubject;
    counts[node]!--;
    if (heads[node] === slot) {
      heads[node] = next[slot]!;
      return;
    }
    let before = heads[node]!;
    while (next[before] !== slot) before = next[before]!;
    next[before] = next[slot]!;
  }

  private slot(): number {
    if (this.free !== NONE) {
      const slot = this.free;
      this.free = this.nextOfObject[slot]!;
      return slot;
    }
    const slot = this.used++;
    if (slot >= this.subjects.length) this.growTuples();
    return slot;
  }

  private growTuples(): void {
    const length = this.subjects.length * 2;
    this.subjects = grown(this.subjects, new Int32Array(length));
    this.objects = grown(this.objects, new Int32Array(length));
    this.relations = grown(this.relations, new Uint16Array(length));
    this.subjectRelations = grown(this.subjectRelations, new Uint16Array(length));
    this.nextOfObject = grown(this.nextOfObject, new Int32Array(length));
    this.nextOfSubject = grown(this.nextOfSubject, new Int32Array(length));
    this.marks = grown(this.marks, new Uint8Array(length));
  }

  private reserveNodes(): void {
    const wanted = this.words.nodes;
    if (wanted <= this.ofObjects.heads.length) return;
    const length = Math.max(16, wanted * 2);
    for (const list of LISTS) {
      const links = this.links(list);
      links.heads = grown(links.heads, new Int32Array(length).fill(NONE));
      links.counts = grown(links.counts, new Int32Array(length));
    }
  }
}

const noLinks = (): Links => ({ heads: new Int32Array(0), counts: new Int32Array(0) });

function grown<A extends Int32Array | Uint16Array | Uint8Array>(from: A, to: A): A {
  to.set(from);
  return to;
}
