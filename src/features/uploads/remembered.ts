/**
 * What a process remembers of uploads between their requests. Guarantees: it is of use only to save work, so losing all of it
 * costs time only; it does not grow without end.
 */

/** Uploads that nobody has gone on with for longest are forgotten. */
const KEPT_MOST = 1_000;

export class Remembered<V> {
  private readonly ofNodes = new WeakMap<object, Map<string, V>>();

  /** `node` stands for the server, of which tests have several in a process. */
  keep(node: object, upload_id: string, value: V): void {
    const all = this.of(node);
    all.set(upload_id, value);
    const oldest = all.size > KEPT_MOST ? all.keys().next().value : undefined;
    if (oldest !== undefined) all.delete(oldest);
  }

  /** Forgets it too. */
  take(node: object, upload_id: string): V | undefined {
    const all = this.of(node);
    const value = all.get(upload_id);
    all.delete(upload_id);
    return value;
  }

  private of(node: object): Map<string, V> {
    const known = this.ofNodes.get(node) ?? new Map<string, V>();
    this.ofNodes.set(node, known);
    return known;
  }
}
