/**
 * The connections of one engine (infrastructure.md §14). Guarantees: at most `size` + `overflow` are open; those beyond
 * `size` close when they come back and nobody waits; whoever waits is served in turn and waits at most ten seconds; one
 * that is too old is lent no more; one that was idle for a second is tried before it is lent, unless that is not wanted.
 */
import { Fault } from '../../base/faults.ts';
import type { PoolStats } from '../../ports/sql.ts';
import type { Connection } from './connection.ts';

const WAIT_MS_MAX = 10_000;
/** Connections come back within a millisecond or two, and opening one takes several: so those beyond `size` come late. */
const OVERFLOW_AFTER_MS = 20;
const TRY_AFTER_IDLE_MS = 1_000;
const TRY_MS_MAX = 2_000;

export interface PoolLimits {
  /** Connections that stay open. */
  readonly size: number;
  /** Connections beyond those, for as long as they are needed. */
  readonly overflow: number;
  /** Age in milliseconds at which a connection is replaced; 0: it never is. */
  readonly recycleMs: number;
  /** Try a connection that was idle before it is lent. */
  readonly prePing: boolean;
}

export interface PoolOptions extends PoolLimits {
  readonly open: () => Promise<Connection>;
}

interface Taker {
  readonly resolve: (connection: Connection) => void;
  readonly reject: (reason: unknown) => void;
  timer: NodeJS.Timeout | undefined;
}

export class Pool {
  readonly #options: PoolOptions;
  readonly #idle: Connection[] = [];
  readonly #takers: Taker[] = [];
  /** Open ones and those being opened. */
  #count = 0;
  /** Those that are saying goodbye. */
  readonly #leaving = new Set<Promise<void>>();
  #closed: (() => void) | undefined;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** A connection that answers; UNAVAILABLE when there is none. */
  async take(): Promise<Connection> {
    if (this.#closed) throw new Fault('UNAVAILABLE', 'The server is stopping.');
    for (let idle = this.#idle.pop(); idle; idle = this.#idle.pop()) {
      if (await this.#works(idle)) return idle;
      this.#drop(idle);
    }
    return this.#count < this.#options.size ? this.#open() : this.#wait();
  }

  giveBack(connection: Connection): void {
    connection.usedAt = performance.now();
    // What ended one has often ended others, which have only not heard of it yet.
    if (connection.lost !== undefined) for (const idle of this.#idle) idle.usedAt = Number.NEGATIVE_INFINITY;
    const over = connection.lost !== undefined || this.#isOld(connection);
    const next = over ? undefined : this.#takers.shift();
    if (next) {
      clearTimeout(next.timer);
      next.resolve(connection);
    } else if (over || this.#count > this.#options.size || this.#closed) {
      this.#drop(connection);
      if (this.#takers.length > 0) this.#openForTaker();
    } else {
      this.#idle.push(connection);
    }
  }

  stats(): PoolStats {
    const { size } = this.#options;
    return { size, checkedOut: this.#count - this.#idle.length, overflow: Math.max(0, this.#count - size) };
  }

  /** Resolves when every connection has come back and is closed. */
  async close(): Promise<void> {
    const empty = new Promise<void>((resolve) => {
      this.#closed = resolve;
    });
    for (const idle of this.#idle.splice(0)) this.#drop(idle);
    this.#settle();
    await empty;
    await Promise.all(this.#leaving);
  }

  #isOld(connection: Connection): boolean {
    const { recycleMs } = this.#options;
    return recycleMs > 0 && performance.now() - connection.openedAt >= recycleMs;
  }

  /** Is it young enough, and has it been used lately, or does it answer? */
  async #works(connection: Connection): Promise<boolean> {
    if (connection.lost !== undefined || this.#isOld(connection)) return false;
    if (!this.#options.prePing || performance.now() - connection.usedAt < TRY_AFTER_IDLE_MS) return true;
    return answers(connection);
  }

  async #open(): Promise<Connection> {
    this.#count++;
    try {
      return await this.#options.open();
    } catch (thrown) {
      this.#count--;
      this.#settle();
      throw thrown;
    }
  }

  #wait(): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const taker: Taker = { resolve, reject, timer: undefined };
      const giveUp = (): void => {
        this.#takers.splice(this.#takers.indexOf(taker), 1);
        reject(new Fault('UNAVAILABLE', 'All connections to the database are busy; try again.', { reason: 'busy' }));
      };
      taker.timer = setTimeout(() => {
        taker.timer = setTimeout(giveUp, WAIT_MS_MAX - OVERFLOW_AFTER_MS);
        this.#openForTaker();
      }, OVERFLOW_AFTER_MS);
      this.#takers.push(taker);
    });
  }

  /** One more, for whoever waits longest when it is there. */
  #openForTaker(): void {
    if (this.#count >= this.#options.size + this.#options.overflow) return;
    this.#open().then(
      (connection) => this.giveBack(connection),
      (reason: unknown) => {
        const taker = this.#takers.shift();
        clearTimeout(taker?.timer);
        taker?.reject(reason);
        if (this.#takers.length > 0) this.#openForTaker();
      },
    );
  }

  #drop(connection: Connection): void {
    this.#count--;
    const left = connection.end().finally(() => this.#leaving.delete(left));
    this.#leaving.add(left);
    this.#settle();
  }

  #settle(): void {
    if (this.#count === 0) this.#closed?.();
  }
}

async function answers(connection: Connection): Promise<boolean> {
  const timer = setTimeout(() => connection.destroy(), TRY_MS_MAX);
  return connection
    .command('SELECT 1')
    .then(
      () => true,
      () => false,
    )
    .finally(() => clearTimeout(timer));
}
