/** Time as an argument: everything that asks for the time is handed a Clock, so a test can own it. */

export interface Clock {
  /** Milliseconds since the epoch, UTC. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };

/** ISO 8601 UTC with milliseconds and `Z`, the one form in which a time leaves the server. */
export const isoTime = (ms: number): string => new Date(ms).toISOString();
