/** Waiting for changes, outside any transaction (core/rings.ts). */
export interface Waits {
  /** The server is about to stop: nothing is worth waiting for. */
  readonly stopped: boolean;
  /** Resolves at the next hint on a topic, after so many milliseconds, or when the server stops. */
  next(topic: string, ms: number): Promise<void>;
}
