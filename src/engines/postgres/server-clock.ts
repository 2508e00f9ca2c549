/**
 * The server's time between its answers. An answer is older than it seems by as long as it was under way, or waited for this
 * process: so of all that were heard lately the one goes on that puts the time latest. Guarantee: the time is behind the
 * server's by no more than the quickest of those answers was late, and never ahead of it; where the clock of the server is
 * set back, that is noticed within two windows.
 */

const WINDOW_MS = 10_000;

export class ServerClock {
  /** What the server's time is ahead of this process's monotonic clock, in milliseconds: the most of this window and of the one before. */
  #ahead = Number.NEGATIVE_INFINITY;
  #aheadBefore = Number.NEGATIVE_INFINITY;
  #since = 0;

  /** The server has said what time it was when it answered. */
  hear(time: number, now = performance.now()): void {
    if (now - this.#since >= WINDOW_MS) {
      // What is older than the window before counts no more.
      this.#aheadBefore = now - this.#since < 2 * WINDOW_MS ? this.#ahead : Number.NEGATIVE_INFINITY;
      this.#ahead = Number.NEGATIVE_INFINITY;
      this.#since = now;
    }
    this.#ahead = Math.max(this.#ahead, time - now);
  }

  /** In milliseconds; undefined where the server has not said one yet. */
  time(now = performance.now()): number | undefined {
    const ahead = Math.max(this.#ahead, this.#aheadBefore);
    return ahead === Number.NEGATIVE_INFINITY ? undefined : Math.floor(now + ahead);
  }
}
