/**
 * Which bricks are off, in the memory of this process, so that a call costs a look into a set. Guarantees: what was
 * committed before a look is in force behind it; hints come by the bell, and what no hint told of is seen by looking every
 * second; calls of a brick that run are counted, and told to end when their time is over.
 */
import { type BrickName, brickRows, requiredBy } from '../base/bricks.ts';
import { Fault, isSchemaBehind } from '../base/faults.ts';
import type { Log } from '../base/log.ts';
import { readChoices } from '../features/bricks/bricks.sql.ts';
import { isHeld, isRefused } from '../features/bricks/bricks.ts';
import type { Clock } from '../ports/clock.ts';
import type { Sql } from '../ports/sql.ts';
import { BRICKS_TOPIC, type BrickSwitch } from './call/brick-state.ts';
import type { Rings } from './rings.ts';

/** Other nodes have two seconds to know (platform.md §6). */
const LOOK_MS = 1_000;

export interface BoardParts {
  readonly sql: Sql;
  readonly rings: Rings;
  readonly log: Log;
  readonly clock: Clock;
  /** This server among those that share the database; undefined where there is no other. */
  readonly node_id: string | undefined;
  /** Types of jobs that are for a brick. */
  readonly jobTypes: (brick: BrickName) => readonly string[];
  /** Told that no call of what is off runs here since a choice, again and again until it is heard. */
  readonly quiet?: (revision: number) => Promise<boolean>;
}

export class BrickBoard implements BrickSwitch {
  readonly since: number;
  readonly node_id: string | undefined;
  readonly jobTypes: BoardParts['jobTypes'];
  private readonly parts: BoardParts;
  private off: ReadonlySet<BrickName> = new Set();
  private revision = 0;
  /** Of the newest choice behind which this node was said to be quiet. */
  private told = 0;
  private readonly running = new Map<BrickName, number>();
  /** Those who run calls of a brick, told when it is time to end. */
  private readonly ending = new Map<BrickName, AbortController>();
  private readonly changed = new Set<() => void>();
  private waiting: readonly string[] = [];
  private looking: Promise<void> = Promise.resolve();
  private next: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private unlisten: () => void = () => undefined;

  constructor(parts: BoardParts) {
    this.parts = parts;
    this.since = parts.clock.now();
    this.node_id = parts.node_id;
    this.jobTypes = parts.jobTypes;
  }

  /** Knows what was chosen before, and follows it. */
  async start(): Promise<void> {
    await this.look().catch((thrown: unknown) => {
      if (!isSchemaBehind(thrown)) throw thrown;
    });
    this.unlisten = this.parts.rings.listen(BRICKS_TOPIC, () => this.lookQuietly());
    this.timer = setInterval(() => this.lookQuietly(), LOOK_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    this.unlisten();
    await this.looking.catch(() => undefined);
    await this.next?.catch(() => undefined);
  }

  isOff(brick: BrickName): boolean {
    return this.off.has(brick);
  }

  /** Asked for each request. */
  get isAnyOff(): boolean {
    return this.off.size > 0;
  }

  isIdle(brick: BrickName): boolean {
    return (this.running.get(brick) ?? 0) === 0;
  }

  /** Types of jobs that wait, since what they are for is off. */
  get waitingTypes(): readonly string[] {
    return this.waiting;
  }

  /** Calls the handler when what is off has changed, until the returned function is called. */
  onChange(handler: () => void): () => void {
    this.changed.add(handler);
    return () => this.changed.delete(handler);
  }

  /** UNAVAILABLE where it is off. */
  check(brick: BrickName): void {
    if (this.off.has(brick)) throw brickOff(brick);
  }

  checkType(type: string): void {
    for (const brick of this.off) if (this.jobTypes(brick).includes(type)) throw brickOff(brick);
  }

  /** A call of it begins, UNAVAILABLE where it is off; what is given back is to be called at its end. */
  enter(brick: BrickName): () => void {
    this.check(brick);
    this.running.set(brick, (this.running.get(brick) ?? 0) + 1);
    return () => {
      this.running.set(brick, (this.running.get(brick) ?? 1) - 1);
    };
  }

  /** Aborted when calls of the brick that still run have had their time. */
  over(brick: BrickName): AbortSignal {
    const known = this.ending.get(brick) ?? new AbortController();
    this.ending.set(brick, known);
    return known.signal;
  }

  look(): Promise<void> {
    this.next ??= this.looking
      .catch(() => undefined)
      .then(() => {
        this.next = undefined;
        this.looking = this.read();
        return this.looking;
      });
    return this.next;
  }

  private lookQuietly(): void {
    this.look().catch((thrown: unknown) => this.parts.log('debug', 'bricks.not-looked-at', { err: String(thrown) }));
  }

  private async read(): Promise<void> {
    const { rows, now } = await this.parts.sql.read((tx) => readChoices(tx, this.parts.clock.now()));
    const own = new Set<string>();
    const held = new Set<string>();
    for (const row of rows) {
      if (isRefused(row, now)) own.add(row.name);
      if (isHeld(row, now)) held.add(row.name);
    }
    const off = brickRows
      .map(([name]) => name)
      .filter((name) => [name, ...requiredBy(name)].some((one) => own.has(one)));
    this.revision = Math.max(0, ...rows.map(({ revision }) => revision));
    this.apply(new Set(off));
    for (const name of off) if (!held.has(name)) this.endOf(name);
    await this.tell();
  }

  private apply(off: ReadonlySet<BrickName>): void {
    if (off.size === this.off.size && [...off].every((name) => this.off.has(name))) return;
    this.off = off;
    this.waiting = [...off].flatMap((name) => this.jobTypes(name));
    for (const handler of this.changed) handler();
  }

  private endOf(brick: BrickName): void {
    this.ending.get(brick)?.abort();
    this.ending.delete(brick);
  }

  private async tell(): Promise<void> {
    const { revision } = this;
    if (revision === this.told || ![...this.off].every((name) => this.isIdle(name))) return;
    if (!this.parts.quiet || (await this.parts.quiet(revision))) this.told = revision;
  }
}

/** Seconds after which somebody may have switched it on again. */
const RETRY_SECONDS = 5;

const brickOff = (brick: BrickName): Fault =>
  new Fault(
    'UNAVAILABLE',
    `The brick ${brick} is off; an admin of zone root brings it back: nexus brick mount ${brick}`,
    {
      brick,
      retry_after: RETRY_SECONDS,
    },
  );
