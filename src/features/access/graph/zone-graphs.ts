/**
 * The graphs that one thread keeps, a zone's each. Guarantees: whoever asks gets the tuples as its transaction has them at
 * the access revision of the zone's row, never older or newer ones; what is kept in memory is bounded by the number of
 * tuples, and what was put out is read again.
 *
 * A graph goes forward by what changed since the revision it has. It remembers its last steps, so that it can go back for a
 * snapshot that is older; further back is read from the database.
 */
import type { ZoneRow } from '../../../core/operation.ts';
import type { Tx } from '../../../ports/sql.ts';
import type { Closure } from '../evaluate/closure.ts';
import { type Plans, plansOf } from '../schema/plans.ts';
import { findSchema } from '../schema/schema.sql.ts';
import type { Schema } from '../schema/schema.ts';
import { CHANGES_KEPT, endOf, listEndsSince, listTuplesSince, type TupleMark } from './changes.sql.ts';
import { Graph, type GraphFact, type GraphTuple } from './graph.ts';
import { Words } from './words.ts';

export type GraphZone = Pick<ZoneRow, 'zone_id' | 'access_revision'>;

/** The graph of a zone at one access revision, with its schema, and what was worked out at that revision. */
export class ZoneGraph {
  readonly zone_id: string;
  revision: number;
  schema: Schema;
  plans: Plans;
  readonly graph: Graph;
  /** Subjects whose closure relies on nothing but the tuples. */
  readonly closures = new Map<string, Closure>();
  private readonly steps: GraphStep[] = [];
  private weight = 0;

  constructor(zone: GraphZone, schema: Schema) {
    this.zone_id = zone.zone_id;
    this.revision = zone.access_revision;
    this.schema = schema;
    this.graph = new Graph(new Words());
    this.plans = plansOf(schema, this.graph.words);
  }

  /** Texts of what is no longer named stay in a graph; at some point reading it again is better. */
  get worn(): boolean {
    return this.graph.words.nodes > 3 * this.graph.size + WORN_NODES;
  }

  /** One step forward. */
  take(to: { revision: number; schema: Schema }, ended: readonly GraphFact[], changed: readonly GraphTuple[]): void {
    const { revision, schema } = this;
    const removed: GraphTuple[] = [];
    for (const fact of [...ended, ...changed]) {
      const tuple = this.graph.remove(fact);
      if (tuple) removed.push(tuple);
    }
    for (const tuple of changed) this.graph.add(tuple);
    this.remember({ revision, schema, removed, added: changed });
    this.become(to);
  }

  /** Back to a revision; false where the steps since are not all remembered, and nothing is changed. */
  goBack(revision: number): boolean {
    const from = this.steps.findIndex((step) => step.revision === revision);
    if (from < 0) return false;
    for (const step of this.steps.splice(from).reverse()) {
      this.weight -= weightOf(step);
      this.undo(step);
    }
    return true;
  }

  private undo(step: GraphStep): void {
    for (const tuple of step.added) this.graph.remove(tuple);
    for (const tuple of step.removed) this.graph.add(tuple);
    this.become(step);
  }

  private become({ revision, schema }: { readonly revision: number; readonly schema: Schema }): void {
    if (schema !== this.schema) this.plans = plansOf(schema, this.graph.words);
    this.schema = schema;
    this.revision = revision;
    this.closures.clear();
  }

  private remember(step: GraphStep): void {
    this.steps.push(step);
    this.weight += weightOf(step);
    while (this.weight > STEPS_WEIGHT) {
      const first = this.steps.shift();
      if (!first) break;
      this.weight -= weightOf(first);
    }
  }
}

/** What a step forward did, and where it began. */
interface GraphStep {
  readonly revision: number;
  readonly schema: Schema;
  readonly removed: readonly GraphTuple[];
  readonly added: readonly GraphTuple[];
}

const weightOf = ({ removed, added }: GraphStep): number => 1 + removed.length + added.length;
/** Steps and tuples in them that one graph remembers. */
const STEPS_WEIGHT = 1_000;
const WORN_NODES = 100_000;
/** How often a graph that others move is moved again. */
const MOVES_MAX = 10;
/** A graph without tuples takes room too, as much as this many. */
const EMPTY_WEIGHT = 50;

export interface FoundGraph {
  readonly zone: ZoneGraph;
  /** It was there, so no row was read. */
  readonly cached: boolean;
}

export class ZoneGraphs {
  private readonly graphs = new Map<string, ZoneGraph>();
  private readonly tuplesMax: number;

  /** With 0 nothing is kept. */
  constructor(tuplesMax: number) {
    this.tuplesMax = tuplesMax;
  }

  /** The graph, where it is here at that revision. */
  known(zone: GraphZone): ZoneGraph | undefined {
    const known = this.graphs.get(zone.zone_id);
    return known?.revision === zone.access_revision ? known : undefined;
  }

  async at(tx: Tx, zone: GraphZone): Promise<FoundGraph> {
    const here = this.known(zone);
    if (here) return { zone: here, cached: true };
    const known = this.graphs.get(zone.zone_id);
    if (known && (await this.move(tx, known, zone))) return { zone: known, cached: false };
    const read = await readGraph(tx, zone);
    const now = this.graphs.get(zone.zone_id);
    if (!now || now.revision < read.revision) this.keep(read);
    return { zone: read, cached: false };
  }

  /** The schema alone; at once where it is known. */
  schemaAt(tx: Tx, zone: GraphZone): Schema | Promise<Schema> {
    return this.known(zone)?.schema ?? findSchema(tx, zone.zone_id, this.graphs.get(zone.zone_id)?.schema);
  }

  /** A change was rolled back, whose revision is going to be given to another one; which graphs saw it is not known. */
  forget(): void {
    this.graphs.clear();
  }

  /** To the revision of the zone's row; false where the graph has to be read anew. Others may move it meanwhile. */
  private async move(tx: Tx, known: ZoneGraph, zone: GraphZone): Promise<boolean> {
    for (let tries = 0; tries < MOVES_MAX && this.graphs.get(zone.zone_id) === known; tries++) {
      if (known.revision === zone.access_revision) return true;
      if (known.revision > zone.access_revision) return known.goBack(zone.access_revision);
      if (!(await this.goForward(tx, known, zone))) return false;
    }
    return false;
  }

  /** False where the graph has to be read anew. */
  private async goForward(tx: Tx, known: ZoneGraph, zone: GraphZone): Promise<boolean> {
    const { revision } = known;
    if (zone.access_revision - revision >= CHANGES_KEPT || known.worn) return false;
    const schema = await findSchema(tx, zone.zone_id, known.schema);
    const ended = await listEndsSince(tx, zone.zone_id, revision);
    if (!ended) return false;
    const changed = await listAllSince(tx, zone, endOf(revision));
    if (known.revision === revision) known.take({ revision: zone.access_revision, schema }, ended, changed);
    return true;
  }

  /** The least lately read go first. */
  private keep(read: ZoneGraph): void {
    if (this.tuplesMax === 0) return;
    this.graphs.delete(read.zone_id);
    this.graphs.set(read.zone_id, read);
    let weight = 0;
    for (const { graph } of this.graphs.values()) weight += graph.size + EMPTY_WEIGHT;
    for (const [zone_id, { graph }] of this.graphs) {
      if (weight <= this.tuplesMax || zone_id === read.zone_id) break;
      weight -= graph.size + EMPTY_WEIGHT;
      this.graphs.delete(zone_id);
    }
  }
}

async function listAllSince(tx: Tx, zone: GraphZone, from: TupleMark): Promise<GraphTuple[]> {
  const all: GraphTuple[] = [];
  for (let at: TupleMark | undefined = from; at; ) {
    const page = await listTuplesSince(tx, zone.zone_id, at);
    all.push(...page.tuples);
    at = page.next;
  }
  return all;
}

async function readGraph(tx: Tx, zone: GraphZone): Promise<ZoneGraph> {
  const read = new ZoneGraph(zone, await findSchema(tx, zone.zone_id));
  for (let at: TupleMark | undefined = { revision: -1, tuple_id: '' }; at; ) {
    const page = await listTuplesSince(tx, zone.zone_id, at);
    for (const tuple of page.tuples) read.graph.add(tuple);
    at = page.next;
  }
  return read;
}
