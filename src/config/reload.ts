/** What of a configuration a running server takes over when it is read again (infrastructure.md §13). */
import type { Config } from '../config.ts';

/** All else holds from the next start on: connections, threads and files were opened by it. */
const RELOADED = /^(LOG_LEVEL|RATE_LIMIT_[A-Z]+_PER_MINUTE)$/;

export interface Changes {
  /** Settings that hold from now on. */
  readonly taken: readonly string[];
  /** Settings that differ and wait for the next start. */
  readonly left: readonly string[];
}

export function changesOf(before: Config, after: Config): Changes {
  const was = new Map<string, unknown>(Object.entries(before));
  const changed = Object.entries(after)
    // The limits stand beside it by their own names too.
    .filter(([key, value]) => key !== 'limits' && JSON.stringify(value) !== JSON.stringify(was.get(key)))
    .map(([key]) => key);
  const named = (keys: readonly string[]): string[] => keys.map((key) => `NEXUS_${key}`).sort();
  return {
    taken: named(changed.filter((key) => RELOADED.test(key))),
    left: named(changed.filter((key) => !RELOADED.test(key))),
  };
}

/** The configuration of a running server once it has read another one. */
export const retuned = (running: Config, read: Config): Config => ({
  ...running,
  ...Object.fromEntries(Object.entries(read).filter(([key]) => RELOADED.test(key))),
});
