/** Changes of one thing, one after the other in the order in which they were asked for. */
export class Turns {
  /** For each thing being changed, the end of the last change. */
  readonly #last = new Map<string, Promise<void>>();

  async take<T>(thing: string, change: () => Promise<T>): Promise<T> {
    const turn = (this.#last.get(thing) ?? Promise.resolve()).then(change);
    // Whoever asked for the change hears of its failure; the next one only waits for its end.
    const ended = turn.then(nothing, nothing);
    this.#last.set(thing, ended);
    try {
      return await turn;
    } finally {
      if (this.#last.get(thing) === ended) this.#last.delete(thing);
    }
  }

  /** All that was asked for so far has ended. */
  async settled(): Promise<void> {
    await Promise.all(this.#last.values());
  }
}

const nothing = (): void => {};
