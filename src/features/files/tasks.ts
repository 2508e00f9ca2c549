/**
 * What operations on files have computed beside the event loop: what edits make of a text, and how two texts differ.
 * Guarantees: of one caller one such thing is computed at a time, so that many of them keep nobody else waiting for long.
 * Loaded by the computing thread: keep it light.
 */
import { Fault } from '../../base/faults.ts';
import { AT_ONCE_BYTES, type Task } from '../../core/call/computing.ts';
import type { Caller } from '../../core/operation.ts';
import type { Edit } from './edit/steps.ts';
import { applyEdits, type EditOptions, type EditOutcome } from './edit.ts';
import { type DiffInput, isQuickDiff, type TextDiff, unifiedDiff } from './text-diff.ts';

/** Unchanged lines around a change in the diff of an edit. */
const CONTEXT_LINES = 3;

interface Asked {
  /** Whose turn it takes. */
  readonly by: string;
}

/** Of a caller, in all that it does. */
export const turnOf = ({ zone_id, subject_type, subject_id }: Caller): string =>
  JSON.stringify([zone_id, subject_type, subject_id]);

export interface Editing {
  /** As it is answered. */
  readonly path: string;
  /** UTF-8. */
  readonly content: Uint8Array;
  readonly edits: readonly Edit[];
  readonly options: EditOptions;
}

/** With the new content, when there is one. */
export interface Edited extends Omit<EditOutcome, 'content'> {
  readonly diff: string;
  readonly content: Uint8Array | null;
}

/** Undefined where the diff would take long and is to be `quick`. */
function computeEdit({ path, content, edits, options }: Editing, quick: boolean): Edited | undefined {
  const from = Buffer.from(content).toString('utf8');
  const { content: to, ...outcome } = applyEdits(from, edits, options);
  if (!outcome.success) return { ...outcome, diff: '', content: null };
  if (quick && !isQuickDiff({ from, to })) return undefined;
  const { diff } = unifiedDiff({ from, to, fromName: `a${path}`, toName: `b${path}`, contextLines: CONTEXT_LINES });
  return { ...outcome, diff, content: Buffer.from(to) };
}

/** Steps of matching that are some twenty milliseconds. */
const AT_ONCE_STEPS = 4_000_000;

/** What edits make of a text where that takes no longer than others can wait; else undefined. */
export function editAtOnce(editing: Editing): Edited | undefined {
  const { content, edits, options } = editing;
  const size = edits.reduce((sum, { old_str, new_str }) => sum + old_str.length + new_str.length, content.byteLength);
  if (size > AT_ONCE_BYTES) return undefined;
  const EDIT_STEPS = Math.min(options.limits.EDIT_STEPS, AT_ONCE_STEPS);
  try {
    return computeEdit({ ...editing, options: { ...options, limits: { ...options.limits, EDIT_STEPS } } }, true);
  } catch (thrown) {
    if (isOutOfSteps(thrown)) return undefined;
    throw thrown;
  }
}

const isOutOfSteps = (thrown: unknown): boolean =>
  thrown instanceof Fault && thrown.code === 'LIMIT_EXCEEDED' && thrown.data.limit === 'EDIT_STEPS';

export const editTask: Task<Editing & Asked, Edited> = {
  name: 'edit',
  compute: (asked) => {
    const edited = computeEdit(asked, false);
    if (!edited) throw new Error('an edit that may take long has an outcome');
    return edited;
  },
  turn: ({ by }) => by,
};

export const diffTask: Task<DiffInput & Asked, TextDiff> = {
  name: 'text-diff',
  compute: unifiedDiff,
  turn: ({ by }) => by,
};

export const fileTasks: readonly Task<never, unknown>[] = [editTask, diffTask];
