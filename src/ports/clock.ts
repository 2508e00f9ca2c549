/** The clock port: everything that asks for the time is handed a Clock, so that a test can own it. */

export interface Clock {
  /** Milliseconds since the epoch, UTC, without a fraction. It may be set back. */
  now(): number;
}
