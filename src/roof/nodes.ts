/**
 * The servers that share the database (workflows.md §13). Guarantees: this one is heard of each second; one that starts,
 * drains or ends is known to all within a beat, one that dies within {@link DOWN_MS} and a beat, one that cannot serve within some seconds; while the database is out of
 * reach what was last heard holds. A beat waits for no zone.
 */
import { createHash, randomBytes } from 'node:crypto';
import { hostname, networkInterfaces } from 'node:os';
import { isoTime } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { VERSION } from '../base/version.ts';
import { type Config, sqliteFileOf } from '../config.ts';
import type { NodeObject, NodeStatus } from '../core/call/cluster.ts';
import { systemClock } from '../engines/process/system-clock.ts';
import { nodeObject } from '../features/cluster/cluster.operations.ts';
import { type Beaten, beatNode, DOWN_MS, removeNode } from '../features/cluster/nodes.sql.ts';
import type { Sql } from '../ports/sql.ts';
import { Pulse } from './pulse.ts';

const BEAT_MS = 1_000;
/** What the beats of all nodes exclude: each other. */
const LANE = 'nodes';

export interface Nodes {
  /** No other server has this database, now or later. */
  readonly alone: boolean;
  /** This server. */
  readonly node_id: string;
  /** Servers that live, this one included. */
  live(): number;
  /** All that are known, with what this one says of itself. */
  list(own: NodeStatus): readonly NodeObject[];
  /** Calls the handler once somebody wants this server to drain. */
  onDrain(handler: () => void): void;
  /** Says that this server is about to leave. */
  leave(): Promise<void>;
  stop(): Promise<void>;
}

export interface NodesParts {
  readonly config: Config;
  readonly sql: Sql;
  readonly log: Log;
  /** Rejects where the blobs are out of reach. */
  readonly look: () => Promise<unknown>;
}

export async function joinNodes(parts: NodesParts): Promise<Nodes> {
  const { WORKER_NAME: name } = parts.config;
  const node_id = `${name === '' ? '' : `${name}-`}node-${randomBytes(4).toString('hex')}`;
  if (sqliteFileOf(parts.config) !== undefined) return standalone(parts.config, node_id);
  const nodes = new Members(parts, node_id);
  await nodes.start();
  return nodes;
}

const selfOf = ({ REGION }: Config, id: string): Omit<NodeObject, 'status'> => ({
  id,
  region: REGION || null,
  version: VERSION,
  last_seen: isoTime(systemClock.now()),
});

const standalone = (config: Config, node_id: string): Nodes => ({
  alone: true,
  node_id,
  live: () => 1,
  list: (status) => [{ ...selfOf(config, node_id), status }],
  onDrain: () => undefined,
  leave: async () => undefined,
  stop: async () => undefined,
});

/** Names machine and port, and tells neither. Two that are equal by chance only lose sight of a dead one sooner. */
function placeOf({ HOST, PORT }: Config): string {
  if (PORT === 0) return '';
  const cards = Object.values(networkInterfaces()).flatMap((found = []) => found.map(({ mac }) => mac));
  const words = [hostname(), ...new Set(cards.sort()), HOST, PORT];
  return createHash('sha256').update(JSON.stringify(words)).digest('hex').slice(0, 16);
}

class Members implements Nodes {
  readonly alone = false;
  readonly node_id: string;
  private readonly parts: NodesParts;
  private readonly place: string;
  private readonly pulse: Pulse;
  private heard: Beaten = { rows: [], now: 0 };
  /** Milliseconds of the monotonic clock. */
  private heardAt = performance.now();
  private leaving = false;
  private drains: (() => void) | undefined;
  private beating: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(parts: NodesParts, node_id: string) {
    this.parts = parts;
    this.node_id = node_id;
    this.place = placeOf(parts.config);
    this.pulse = new Pulse(parts.look);
  }

  async start(): Promise<void> {
    await this.tick();
    this.timer = setInterval(() => this.tick(), BEAT_MS);
  }

  live(): number {
    const { rows, now } = this.heard;
    return Math.max(1, rows.filter(({ beat_at }) => now - beat_at <= DOWN_MS).length);
  }

  list(status: NodeStatus): readonly NodeObject[] {
    const { rows } = this.heard;
    const now = this.nowAt();
    const others = rows.filter(({ node_id }) => node_id !== this.node_id);
    const own = { ...selfOf(this.parts.config, this.node_id), status };
    return [...others.map((row) => nodeObject(row, now)), own].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** Of the database. Where that has not answered for so long that a node counts as gone, nothing was heard of the others either. */
  private nowAt(): number {
    const silent = performance.now() - this.heardAt;
    return silent > DOWN_MS ? this.heard.now + silent : this.heard.now;
  }

  onDrain(handler: () => void): void {
    this.drains = handler;
    this.tellDrain();
  }

  async leave(): Promise<void> {
    this.leaving = true;
    await this.beating;
    await this.tick();
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.beating;
    await this.parts.sql
      .write(LANE, (tx) => removeNode(tx, this.node_id))
      .catch((thrown: unknown) => this.parts.log('warn', 'node.leave-failed', { err: String(thrown) }));
  }

  private tick(): Promise<void> {
    this.beating ??= this.beat().finally(() => {
      this.beating = undefined;
    });
    return this.beating;
  }

  private async beat(): Promise<void> {
    const { config, sql, log } = this.parts;
    const { node_id, place } = this;
    const draining = this.leaving ? 1 : 0;
    const serves = this.pulse.serves() ? 1 : 0;
    const own = { node_id, place, draining, serves, version: VERSION, region: config.REGION || null };
    try {
      this.heard = await sql.write(LANE, (tx) => beatNode(tx, own, systemClock.now()));
      this.heardAt = performance.now();
      this.tellDrain();
    } catch (thrown) {
      log('warn', 'node.beat-failed', { err: thrown });
    }
  }

  private tellDrain(): void {
    const own = this.heard.rows.find(({ node_id }) => node_id === this.node_id);
    if (own?.draining !== 1) return;
    this.drains?.();
    this.drains = undefined;
  }
}
