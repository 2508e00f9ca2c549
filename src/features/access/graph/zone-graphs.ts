/**
 * The graphs that one thread keeps, a zone's each. Guarantees: whoever asks gets the tuples as its transaction has them at
 * the access revision of the zone's row, never older or newer ones; what is kept in memory is bounded by the number of
 * tuples, and what was put out is read again.
 *
 * A graph goes forward by what changed since the revision it has; it never goes back, so a snapshot that is older than the
 * graph reads a graph of its own.
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

  take(to: { revision: number; schema: Schema }, ended: readonly GraphFact[], changed: readonly GraphTuple[]): void {
    for (const fact of ended) this.graph.remove(fact);
    for (const tuple of changed) {
      this.graph.remove(tuple);
      this.graph.add(tuple);
    }
    if (to.schema !== this.schema) this.plans = plansOf(to.schema, this.graph.words);
    this.schema = to.schema;
    this.revision = to.revision;
    this.closures.clear();
  }
}

const WORN_NODES = 100_000;
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

  async at(tx: Tx, zone: GraphZone): Promise<FoundGraph> {
    const known = this.graphs.get(zone.zone_id);
    if (known?.revision === zone.access_revision) return { zone: known, cached: true };
    if (known && known.revision < zone.access_revision && (await this.goForward(tx, known, zone))) {
      return { zone: known, cached: false };
    }
    const read = await readGraph(tx, zone);
    if (!known || this.graphs.get(zone.zone_id) !== known || known.revision < read.revision) this.keep(read);
    return { zone: read, cached: false };
  }

  /** The schema alone. */
  async schemaAt(tx: Tx, zone: GraphZone): Promise<Schema> {
    const known = this.graphs.get(zone.zone_id);
    if (known?.revision === zone.access_revision) return known.schema;
    return findSchema(tx, zone.zone_id, known?.schema);
  }

  forget(): void {
    this.graphs.clear();
  }

  /** False where the graph has to be read anew. Another call may have taken it forward meanwhile. */
  private async goForward(tx: Tx, known: ZoneGraph, zone: GraphZone): Promise<boolean> {
    const { revision } = known;
    if (zone.access_revision - revision >= CHANGES_KEPT || known.worn) return false;
    const schema = await findSchema(tx, zone.zone_id, known.schema);
    const ended = await listEndsSince(tx, zone.zone_id, revision);
    if (!ended) return false;
    const changed = await listAllSince(tx, zone, endOf(revision));
    if (known.revision === revision) known.take({ revision: zone.access_revision, schema }, ended, changed);
    return known.revision === zone.access_revision;
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
