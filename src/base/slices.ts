/**
 * Long computations in slices of time. Guarantees: whoever asks `over` often enough and rests when it says so holds up
 * nobody else in its thread for much longer than one slice.
 */
import { setImmediate as turn } from 'node:timers/promises';

/** Milliseconds. */
const SLICE_MS = 10;

export class Slices {
  private until = performance.now() + SLICE_MS;

  over(): boolean {
    return performance.now() > this.until;
  }

  /** Lets everything that waits in this thread have its turn. */
  async rest(): Promise<void> {
    await turn();
    this.until = performance.now() + SLICE_MS;
  }
}
