/**
 * Answers that go on: streams, and calls that wait. Guarantees: no more of them than the limits allow, one more is TOO_MANY
 * and has cost nothing; one whose client is gone, whose caller may no longer call, or whose server stops is told at once,
 * or within {@link CHECK_MS} where only a look at the rows can tell.
 */

import { Fault, type FaultCode } from '../base/faults.ts';
import type { LimitName, Limits } from '../base/limits.ts';
import type { Blobs } from '../ports/blobs.ts';
import type { Sql } from '../ports/sql.ts';
import type { BackupDesk } from './call/backups.ts';
import type { BrickSwitch } from './call/brick-state.ts';
import type { Waits } from './call/waits.ts';
import { deadlineIn } from './deadline.ts';
import type { CallContext, Operation, Streaming } from './operation.ts';
import { authoriseNeeds } from './preflight.ts';
import type { Runner } from './transact.ts';
import type { ZoneWatch } from './zone-watch.ts';

/** Milliseconds between two looks at whether the callers may still listen; 5 s are promised (platform.md §3.4). */
const CHECK_MS = 2_000;

export interface StreamsParts {
  readonly limits: Limits;
  readonly sql: Sql;
  readonly blobs: Blobs;
  readonly rings: Waits;
  readonly runner: Runner;
  readonly watch: ZoneWatch;
  readonly bricks: BrickSwitch;
  readonly backups: BackupDesk;
}

export class Streams {
  private readonly parts: StreamsParts;
  private readonly open = new Set<Open>();
  private readonly byZone = new Map<string, number>();
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;
  private readonly whenNone: (() => void)[] = [];

  constructor(parts: StreamsParts) {
    this.parts = parts;
  }

  get size(): number {
    return this.open.size;
  }

  /** One more for a call, until one of `ends` is aborted; TOO_MANY where there are enough. `close` of it has to be called in the end. */
  begin(context: CallContext, ...ends: readonly (AbortSignal | undefined)[]): Open {
    const { limits } = this.parts;
    const inZone = this.byZone.get(context.zone_id) ?? 0;
    if (this.stopped) throw new Fault('UNAVAILABLE', 'The server is stopping', { reason: 'stopping' });
    if (this.open.size >= limits.STREAMS_PER_NODE) throw tooMany('STREAMS_PER_NODE', limits);
    if (inZone >= limits.STREAMS_PER_ZONE) throw tooMany('STREAMS_PER_ZONE', limits);
    const end = (): void => open.end();
    const closed = (): void => {
      for (const signal of ends) signal?.removeEventListener('abort', end);
      this.end(open);
    };
    const open = new Open(this.parts, { context, node: this, closed });
    this.open.add(open);
    this.byZone.set(context.zone_id, inZone + 1);
    for (const signal of ends) signal?.addEventListener('abort', end);
    if (ends.some((signal) => signal?.aborted)) open.end();
    this.timer ??= setInterval(() => this.check(), CHECK_MS).unref();
    return open;
  }

  /** Ends all of them, each between two of its items, and begins no other. */
  stop(): void {
    this.stopped = true;
    for (const open of this.open) open.end();
  }

  /** Resolves when none is open, what each of them does in the end included. */
  settled(): Promise<void> {
    return this.open.size === 0 ? Promise.resolve() : new Promise((resolve) => this.whenNone.push(resolve));
  }

  private end(open: Open): void {
    const { zone_id } = open.context;
    if (!this.open.delete(open)) return;
    if (this.open.size === 0) for (const resolve of this.whenNone.splice(0)) resolve();
    const left = (this.byZone.get(zone_id) ?? 1) - 1;
    if (left > 0) this.byZone.set(zone_id, left);
    else this.byZone.delete(zone_id);
    if (this.open.size > 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }

  /** One question for all streams of a credential in a zone. */
  private check(): void {
    const keyOf = ({ context }: Open): string =>
      `${context.caller.key_id} ${context.caller.token?.expires_at} ${context.zone_id}`;
    for (const alike of Map.groupBy(this.open, keyOf).values()) {
      const end = (thrown: unknown): void => {
        if (thrown instanceof Fault && ENDS.has(thrown.code)) for (const open of alike) open.end();
      };
      alike[0]?.run(authoriseNeeds, { needs: [] }).catch(end);
    }
  }
}

/** One for all: an exception made for each, with its stack, would take longer than the rest of a short answer. */
const ENDED = new DOMException('The answer has ended', 'AbortError');

/** What a caller is told who may no longer listen. */
const ENDS = new Set<FaultCode>(['UNAUTHENTICATED', 'ACCESS_DENIED', 'ZONE_NOT_FOUND']);

interface Opening {
  readonly context: CallContext;
  readonly node: object;
  readonly closed: () => void;
}

/** One that is open. */
export class Open implements Streaming {
  readonly context: CallContext;
  readonly limits: Limits;
  readonly sql: Sql;
  readonly blobs: Blobs;
  readonly rings: Waits;
  readonly bricks: BrickSwitch;
  readonly backups: BackupDesk;
  readonly node: object;
  private readonly parts: StreamsParts;
  private readonly ending = new AbortController();
  private readonly closed: () => void;

  constructor(parts: StreamsParts, { context, node, closed }: Opening) {
    this.parts = parts;
    this.limits = parts.limits;
    this.sql = parts.sql;
    this.blobs = parts.blobs;
    this.rings = parts.rings;
    this.bricks = parts.bricks;
    this.backups = parts.backups;
    this.context = context;
    this.node = node;
    this.closed = closed;
  }

  get signal(): AbortSignal {
    return this.ending.signal;
  }

  run<I, P, O>(operation: Operation<I, O, P>, ready: P): Promise<O> {
    const context = { ...this.context, deadline: deadlineIn(this.limits.OPERATION_MS) };
    return operation.effect === 'read'
      ? this.parts.runner.read(operation, ready, context)
      : this.parts.runner.write(operation, ready, context);
  }

  watch(told: () => void): () => void {
    return this.parts.watch.listen(this.context.zone_id, told);
  }

  end(): void {
    this.ending.abort(ENDED);
  }

  /** Gives its place back. */
  close(): void {
    this.end();
    this.closed();
  }
}

const tooMany = (limit: LimitName, limits: Limits): Fault =>
  new Fault('TOO_MANY', `${limits[limit]} streams are open, the limit ${limit}; try again`, {
    limit,
    maximum: limits[limit],
  });
