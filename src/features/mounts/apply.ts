/**
 * Changes of stores, each before the transaction that makes it a change of the tree. Guarantees: nobody else of Nexus changes one
 * of these paths meanwhile, and whoever dies is found out; a store that has become another one is not overwritten; where one of
 * several changes fails, those before it are undone as far as their stores let them.
 */
import { randomUUID } from 'node:crypto';
import type { Demand, Passage, PlannedStep, Step } from '../../core/call/outside.ts';
import { type Backend, BackendError, type Content, type Entry } from '../../ports/backend.ts';
import type { Blobs } from '../../ports/blobs.ts';
import { hold, unlessHeld } from './holding.ts';
import { insideOf } from './mount.ts';
import { beginIntent, type ContentBefore, contentsBefore, endIntent } from './mount-steps.operations.ts';
import type { OutsideParts, Reached, StoreAccess } from './outside-parts.ts';

export interface Applied {
  readonly change: NonNullable<Passage['change']>;
  /** For a change that is not to be after all. */
  readonly undo: () => Promise<void>;
}

interface Asked {
  readonly zone_id: string;
  readonly demand: Demand & { readonly kind: 'change' };
}

/** Undefined where what the steps rely on has changed: the call looks again. */
export async function applySteps(
  parts: OutsideParts,
  outside: StoreAccess,
  asked: Asked,
): Promise<Applied | undefined> {
  const { zone_id, demand } = asked;
  const { steps } = demand;
  const intent_id = randomUUID();
  const stores = new Map<string, Reached>();
  for (const mount_id of new Set(steps.map((one) => one.mount_id))) {
    const reached = await outside.reach(zone_id, mount_id);
    if (!reached) return undefined;
    stores.set(mount_id, reached);
  }
  if (!(await begin(parts, asked, intent_id))) return undefined;
  const letGo = hold(parts, zone_id, intent_id);
  const applying = new Applying({ parts, outside, zone_id, stores, inline: new Map(demand.inline) });
  try {
    const entries = await applying.all(steps);
    return { change: { intent_id, steps, entries }, undo: () => applying.undoAll() };
  } catch (thrown) {
    await parts.step(endIntent, zone_id, { intent_id });
    if (thrown instanceof BackendError) return undefined;
    throw thrown;
  } finally {
    letGo();
  }
}

/** Waits while somebody else changes one of the paths. */
async function begin({ step }: OutsideParts, { zone_id, demand }: Asked, intent_id: string): Promise<boolean> {
  const begun = await unlessHeld(async () => {
    const answer = await step(beginIntent, zone_id, { intent_id, steps: demand.steps });
    return answer === 'held' ? undefined : answer;
  });
  return begun === 'begun';
}

interface ApplyingParts {
  readonly parts: OutsideParts;
  readonly outside: StoreAccess;
  readonly zone_id: string;
  readonly stores: ReadonlyMap<string, Reached>;
  readonly inline: ReadonlyMap<string, Uint8Array>;
}

class Applying {
  private readonly on: ApplyingParts;
  private readonly entries = new Map<string, Entry>();
  private readonly done: PlannedStep[] = [];
  private before: readonly ContentBefore[] = [];

  constructor(on: ApplyingParts) {
    this.on = on;
  }

  async all(steps: readonly PlannedStep[]): Promise<[string, Entry][]> {
    const paths = steps.map(({ step }) => step.path);
    this.before = await this.on.parts.step(contentsBefore, this.on.zone_id, { paths });
    try {
      for (const one of steps) {
        await this.one(one);
        this.done.push(one);
      }
    } catch (thrown) {
      await this.undoAll();
      throw thrown;
    }
    return [...this.entries];
  }

  async undoAll(): Promise<void> {
    for (const one of this.done.reverse()) await this.undo(one);
  }

  /** Throws a Fault for what the caller is told, and a BackendError where the store is not as it was. */
  private async one({ mount_id, step }: PlannedStep): Promise<void> {
    const reached = this.on.stores.get(mount_id);
    if (!reached) throw new Error(`the store of ${mount_id} was not reached`);
    try {
      await this.change(reached, step);
    } catch (thrown) {
      if (thrown instanceof BackendError && STALE.has(thrown.code)) throw thrown;
      await this.on.outside.watched(reached.row, () => Promise.reject(thrown));
    }
  }

  private async change({ backend, row }: Reached, step: Step): Promise<void> {
    const { signal } = new AbortController();
    const inside = insideOf(row, step.path);
    if (step.op === 'write') {
      const entry = await backend.write(inside, this.contentOf(step), { signal, expect: step.expect });
      this.entries.set(step.path, entry);
    } else if (step.op === 'remove') {
      await backend.remove(inside, { signal, expect: step.expect ?? undefined });
    } else if (step.op === 'mkdir') await backend.makeDirectory(inside, signal);
    else if (step.op === 'rmdir') await backend.removeDirectory(inside, { recursive: step.recursive, signal });
    else await backend.rename(insideOf(row, step.from), inside, { overwrite: step.overwrite, signal });
  }

  private contentOf({ sha256, size }: Pick<ContentBefore, 'sha256' | 'size'>): Content {
    return contentFrom(this.on.parts.blobs, { sha256, size, inline: this.on.inline.get(sha256) ?? null });
  }

  /** As far as it goes: what stays is found by the next look. */
  private async undo({ mount_id, step }: PlannedStep): Promise<void> {
    const reached = this.on.stores.get(mount_id);
    if (!reached) return;
    const before = this.before.find(({ path }) => path === step.path);
    const tag = this.entries.get(step.path)?.tag;
    await undoStep(reached, step, { before: before && contentFrom(this.on.parts.blobs, before), tag }).catch(
      () => undefined,
    );
  }
}

/** Codes that say that the store is not as it was known. */
const STALE: ReadonlySet<string> = new Set(['CHANGED', 'MISSING', 'IS_A_DIRECTORY', 'NOT_A_DIRECTORY']);

const contentFrom = (blobs: Blobs, { sha256, size, inline }: Omit<ContentBefore, 'path'>): Content => ({
  size,
  read: async function* (start, end) {
    if (inline) yield inline.subarray(start, end);
    else yield* blobs.read(sha256, start, end);
  },
});

async function undoStep(
  { backend, row }: { readonly backend: Backend; readonly row: Reached['row'] },
  step: Step,
  { before, tag }: { readonly before: Content | undefined; readonly tag: string | undefined },
): Promise<void> {
  const { signal } = new AbortController();
  const inside = insideOf(row, step.path);
  // What was there before and is not known stays replaced: the next look tells of it.
  if (step.op === 'write' && !before && step.expect === null) await backend.remove(inside, { signal, expect: tag });
  else if (step.op === 'write' && before) await backend.write(inside, before, { signal, expect: tag });
  else if (step.op === 'remove' && before) await backend.write(inside, before, { signal, expect: null });
  else if (step.op === 'mkdir') await backend.removeDirectory(inside, { recursive: false, signal });
  else if (step.op === 'rename' && !step.overwrite) {
    await backend.rename(inside, insideOf(row, step.from), { overwrite: false, signal });
  }
}
