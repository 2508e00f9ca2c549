/**
 * What one credential, or one address, may still ask: a token bucket for each operation (access.md §12). Guarantees: a
 * bucket holds a minute's worth and fills evenly; asking it allocates nothing. A bucket is one number, the moment at
 * which it will be full again (the generic cell rate algorithm), so there is nothing to refill.
 */

export const MINUTE_MS = 60_000;

/** Part of the time between two requests by which sums of many such times may be off. */
const ROUNDING = 1e-5;

export class Budget {
  /** Requests a minute, and at once. */
  perMinute = 0;
  /** The same as a header says it. */
  limitText = '0';
  /** Milliseconds in which one request comes back. */
  private every = MINUTE_MS;
  /** Operations that were asked for, as numbers, and beside each when its bucket is full. Few clients use many. */
  private readonly slots: number[] = [];
  private readonly fullAt: number[] = [];

  /** What was used in this minute stays used. */
  allow(perMinute: number, now: number): void {
    if (perMinute === this.perMinute) return;
    const every = MINUTE_MS / perMinute;
    for (const [i, full] of this.fullAt.entries()) {
      if (full > now) this.fullAt[i] = now + Math.min(((full - now) / this.every) * every, MINUTE_MS);
    }
    this.every = every;
    this.perMinute = perMinute;
    this.limitText = String(perMinute);
  }

  /** Takes `count` requests of an operation: 0, or the milliseconds after which they would pass. */
  take(slot: number, now: number, count = 1): number {
    const at = this.indexOf(slot);
    const used = this.usedUntil(at, now);
    const wait = this.over(used, now, count);
    this.fullAt[at] = wait > 0 ? used : used + count * this.every;
    return wait;
  }

  /** Milliseconds after which `count` requests would pass; 0 where they would now. */
  wait(slot: number, now: number, count: number): number {
    return this.over(this.usedUntil(this.indexOf(slot), now), now, count);
  }

  /** Requests that would pass now. */
  remaining(slot: number, now: number): number {
    const used = (this.usedUntil(this.indexOf(slot), now) - now) / this.every;
    return Math.max(0, Math.floor(this.perMinute - used + ROUNDING));
  }

  /** Whole seconds until all of them would pass. */
  resetSeconds(slot: number, now: number): number {
    return Math.ceil((this.usedUntil(this.indexOf(slot), now) - now) / 1000);
  }

  private over(used: number, now: number, count: number): number {
    const wait = used + count * this.every - now - MINUTE_MS;
    return wait > this.every * ROUNDING ? wait : 0;
  }

  /** Never more than a minute ahead, whatever the clock did. */
  private usedUntil(at: number, now: number): number {
    const full = this.fullAt[at] as number;
    return full < now ? now : Math.min(full, now + MINUTE_MS);
  }

  private indexOf(slot: number): number {
    const at = this.slots.indexOf(slot);
    if (at >= 0) return at;
    this.fullAt.push(0);
    return this.slots.push(slot) - 1;
  }
}
