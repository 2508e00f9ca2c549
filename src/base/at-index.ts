/** A fault of one of several inputs names its index (files.md §2). */
import { Fault } from './faults.ts';

export function atIndex<T>(index: number, work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    throw named(thrown, index);
  }
}

/** The same for work that takes its time. */
export async function awaitAtIndex<T>(index: number, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    throw named(thrown, index);
  }
}

const named = (thrown: unknown, index: number): unknown =>
  thrown instanceof Fault ? new Fault(thrown.code, thrown.message, { ...thrown.data, index }) : thrown;
