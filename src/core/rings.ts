/**
 * Hints between what changes and who waits for it: at once in this process, and over the bell to the others. Guarantees:
 * a topic is rung at most once in {@link PAUSE_MS}, the last time never left out; who waits goes on after its time whatever
 * is rung, and at once when the server stops. A hint may come twice.
 */
import type { Bell } from '../ports/bell.ts';

/** Rings in between become one, behind it. */
const PAUSE_MS = 5;

interface Topic {
  readonly handlers: Set<() => void>;
  readonly unlisten: () => void;
}

export class Rings {
  private readonly bell: Bell;
  private readonly stopping = new AbortController();
  private readonly topics = new Map<string, Topic>();
  /** Topics that were rung a moment ago; true where somebody wanted to again. */
  private readonly lately = new Map<string, boolean>();

  constructor(bell: Bell) {
    this.bell = bell;
  }

  get stopped(): boolean {
    return this.stopping.signal.aborted;
  }

  ring(topic: string): void {
    if (this.stopped) return;
    if (this.lately.has(topic)) {
      this.lately.set(topic, true);
      return;
    }
    this.lately.set(topic, false);
    this.bell.ring(topic, '');
    for (const handler of this.topics.get(topic)?.handlers ?? []) handler();
    setTimeout(() => {
      const again = this.lately.get(topic);
      this.lately.delete(topic);
      if (again) this.ring(topic);
    }, PAUSE_MS).unref();
  }

  /** Calls the handler, which must not throw, with each hint from now on, until the returned function is called. */
  listen(topic: string, handler: () => void): () => void {
    const known = this.topics.get(topic) ?? this.open(topic);
    known.handlers.add(handler);
    return () => {
      known.handlers.delete(handler);
      if (known.handlers.size > 0 || this.topics.get(topic) !== known) return;
      known.unlisten();
      this.topics.delete(topic);
    };
  }

  private open(topic: string): Topic {
    const handlers = new Set<() => void>();
    const unlisten = this.bell.listen(topic, () => {
      for (const handler of handlers) handler();
    });
    const made = { handlers, unlisten };
    this.topics.set(topic, made);
    return made;
  }

  /** Resolves at the next hint on a topic, after so many milliseconds, or when the server stops. */
  next(topic: string, ms: number): Promise<void> {
    const { signal } = this.stopping;
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        unlisten();
        signal.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      const unlisten = this.listen(topic, end);
      signal.addEventListener('abort', end);
    });
  }

  /** Ends every wait. The bell is its owner's. */
  stop(): void {
    this.stopping.abort();
    for (const { unlisten } of this.topics.values()) unlisten();
    this.topics.clear();
  }
}
