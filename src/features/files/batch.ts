/** What calls on many paths have in common (files.md §7, Batch). */
import { atIndex } from '../../base/at-index.ts';
import { Fault, type FaultCode } from '../../base/faults.ts';
import type { Call } from '../../core/operation.ts';

/** Each path of a list as `map` understands it. */
export const mapEach = (paths: readonly string[], map: (path: string) => string): string[] =>
  paths.map((path, index) => atIndex(index, () => map(path)));

export interface ItemError {
  readonly code: FaultCode;
  readonly message: string;
}

/** Does one item by itself: what fails is undone and told, the others go on. */
export async function attemptItem(call: Call, work: () => Promise<void>): Promise<ItemError | undefined> {
  try {
    await call.attempt(work);
    return undefined;
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown;
    call.partFailed(thrown);
    return { code: thrown.code, message: thrown.message };
  }
}
