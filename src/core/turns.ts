/**
 * Turns: calls that prepare on the same thing, one after the other. Guarantees: at most one caller has the turn of a
 * key, they get it in the order in which they asked, and a key that nobody wants takes no memory. It orders the calls of
 * one process only; what keeps nodes apart is that each checks, in its transaction, what it prepared on.
 */
export class Turns {
  /** For each key, the end of the last turn that was asked for. */
  private readonly tails = new Map<string, Promise<void>>();

  /** Has anybody the turn, or waits for it? */
  wanted(key: string): boolean {
    return this.tails.has(key);
  }

  /** Waits for the turn and gives the function that ends it. */
  async take(key: string): Promise<() => void> {
    const before = this.tails.get(key);
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    this.tails.set(key, ended);
    await before;
    return () => {
      if (this.tails.get(key) === ended) this.tails.delete(key);
      end();
    };
  }
}
