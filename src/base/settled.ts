/** Waiting for several things at once, of which some may fail. */

/** Waits for all of them, also where one failed, so that none goes on behind the back of whoever asked; throws what the first one threw. */
export async function settled(works: readonly unknown[]): Promise<void> {
  for (const one of await Promise.allSettled(works)) if (one.status === 'rejected') throw one.reason;
}
