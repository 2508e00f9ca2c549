/**
 * What several say of themselves. Guarantees: whoever is too busy to answer soon is told as he last was, so that nobody
 * who looks waits for work that lasts.
 */

/** Milliseconds for an answer; one that comes later is for the next who asks. */
const SOON_MS = 100;

/** Asks them all; gives the newest answer of each that ever gave one. */
export function lastSaid<T>(asks: readonly (() => Promise<T | undefined>)[], soonMs = SOON_MS): () => Promise<T[]> {
  const known: (T | undefined)[] = asks.map(() => undefined);
  return async () => {
    const answered = asks.map(async (ask, at) => {
      known[at] = (await ask()) ?? known[at];
    });
    await within(soonMs, Promise.all(answered));
    return known.filter((one) => one !== undefined);
  };
}

/** Undefined where it fails, or is not there in time. */
export async function within<T>(ms: number, asked: Promise<T>): Promise<T | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(resolve, ms, undefined);
  return Promise.race([asked.catch(() => undefined), late]).finally(() => clearTimeout(timer));
}
