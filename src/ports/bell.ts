/**
 * The notification port: a hint that something has happened, to all who share the bell, in this process and in others.
 * What every engine guarantees is written at {@link Bell} and held by the suite in bell.contract.ts. Polling is the truth:
 * whoever listens also looks by himself from time to time.
 */
import { strict as assert } from 'node:assert';

export interface Bell {
  /**
   * Tells all listeners of a topic, after it has returned, in the order in which it was rung here. It may be lost,
   * never twice. AssertionError when topic and payload together pass {@link RING_BYTES_MAX}.
   */
  ring(topic: string, payload: string): void;
  /** Calls the handler, which must not throw, with each payload from now on, until the returned function is called. */
  listen(topic: string, handler: (payload: string) => void): () => void;
  /** Rings and calls nothing more. */
  close(): Promise<void>;
}

/** UTF-8 bytes. */
export const RING_BYTES_MAX = 1_000;

export function assertRing(topic: string, payload: string): void {
  const bytes = Buffer.byteLength(topic) + Buffer.byteLength(payload);
  assert(bytes <= RING_BYTES_MAX, `a ring of ${bytes} bytes passes the limit of ${RING_BYTES_MAX}`);
}
