/**
 * Whether this server can serve, as others are told. Guarantees: whoever asks never waits; a store that fails, or says
 * nothing for `silentMs`, is known within that time and `restMs`.
 */

const TIMES = {
  /** From the end of one look to the next. */
  restMs: 2_000,
  silentMs: 4_000,
};

export class Pulse {
  private readonly look: () => Promise<unknown>;
  private readonly times: typeof TIMES;
  private wentWell = true;
  /** Of the look under way. */
  private began: number | undefined;
  private ended = Number.NEGATIVE_INFINITY;

  constructor(look: () => Promise<unknown>, times = TIMES) {
    this.look = look;
    this.times = times;
  }

  /** What the last look came to, or that this one takes too long. Begins the next where it is time. */
  serves(): boolean {
    const now = performance.now();
    if (this.began === undefined && now - this.ended >= this.times.restMs) this.begin(now);
    return this.wentWell && (this.began === undefined || now - this.began < this.times.silentMs);
  }

  private begin(now: number): void {
    this.began = now;
    const ended = (well: boolean) => (): void => {
      this.wentWell = well;
      this.began = undefined;
      this.ended = performance.now();
    };
    this.look().then(ended(true), ended(false));
  }
}
