/**
 * What events make of a text, with all that a row says of it. Pure, and run beside the event loop where it may take long.
 * Guarantees: equal events on equal text give equal rows but for their ids.
 */
import { Fault } from '../../../base/faults.ts';
import type { Task } from '../../../core/call/computing.ts';
import { hashOf } from '../text/rules.ts';
import { previewOf } from './compare.ts';
import { eventHash } from './event-hash.ts';
import { applyEvent, type BranchEvent, type HashedText } from './events/apply.ts';
import type { Payload } from './events/event.ts';
import type { MergeStrategy } from './events/joining.ts';
import { type ConflictSemantics, mergeTexts } from './merge.ts';

/** A text as its UTF-8 bytes. Plain data: it crosses threads. */
export interface TextBytes {
  readonly bytes: Uint8Array;
  readonly text_hash: string;
}

export const decoded = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');

/** A validated event that is to become a branch. */
export interface ComingEvent extends BranchEvent {
  readonly branch_id: string;
  readonly event_id: string;
}

/** A branch that is to be kept. */
export interface MadeEvent extends TextBytes {
  readonly branch_id: string;
  readonly event_id: string;
  readonly event_type: string;
  readonly phase: string;
  /** JSON, without the field that `carried` names: that is the text. */
  readonly payload: string;
  readonly carried: string | null;
  readonly diff_summary: Payload;
  readonly event_hash: string;
  readonly preview: string;
}

/** Fields that are the new text of their events. */
const CARRIED: Readonly<Record<string, string>> = { merge: 'merged_text', remix: 'remixed_text' };

const PHASE = 'expansion';

function keptPayload(event_type: string, payload: Payload, text: string) {
  const field = CARRIED[event_type];
  const carried = field !== undefined && payload[field] === text ? field : null;
  const rest = carried === null ? payload : Object.fromEntries(Object.entries(payload).filter(([n]) => n !== carried));
  return { payload: JSON.stringify(rest), carried };
}

export interface Evolving {
  readonly base: TextBytes;
  readonly events: readonly ComingEvent[];
  /** Of one text. */
  readonly bytesMax: number;
  /** Bytes of texts after which it leaves the rest for later. */
  readonly pauseBytes: number;
  /** The number of the first event, where faults are to name the one that is refused. */
  readonly first?: number | undefined;
}

const named = (thrown: unknown, number: number): unknown =>
  thrown instanceof Fault ? new Fault(thrown.code, `events[${number}]: ${thrown.message}`, thrown.data) : thrown;

/** Event by event, each on what the one before made. At least one is done. */
export function evolve({ base, events, bytesMax, pauseBytes, first }: Evolving): MadeEvent[] {
  const made: MadeEvent[] = [];
  let at = { text: decoded(base.bytes), text_hash: base.text_hash };
  let bytes = 0;
  for (const { branch_id, event_id, event_type, payload } of events) {
    try {
      const happened = applyEvent({ event_type, payload }, at, bytesMax);
      at = happened;
      bytes += happened.bytes;
      made.push({
        branch_id,
        event_id,
        event_type,
        phase: typeof payload.phase === 'string' ? payload.phase : PHASE,
        ...keptPayload(event_type, payload, happened.text),
        diff_summary: happened.diff_summary,
        event_hash: eventHash({ branch_id, event_type, payload, text_hash: happened.text_hash }),
        text_hash: happened.text_hash,
        bytes: Buffer.from(happened.text, 'utf8'),
        preview: previewOf(happened.text),
      });
    } catch (thrown) {
      throw first === undefined ? thrown : named(thrown, first + made.length);
    }
    if (bytes > pauseBytes) break;
  }
  return made;
}

export const evolveTask: Task<Evolving, MadeEvent[]> = { name: 'branch.evolve', compute: evolve };

export interface Merging {
  readonly left: TextBytes;
  readonly right: TextBytes;
  readonly strategy: MergeStrategy;
  readonly left_branch_id: string;
  readonly right_branch_id: string;
  readonly lca_branch_id: string | null;
  readonly branch_id: string;
  readonly event_id: string;
  readonly bytesMax: number;
}

export interface MergeMade {
  readonly made: MadeEvent;
  readonly conflict_semantics: ConflictSemantics;
}

export function makeMerge({ left, right, strategy, branch_id, event_id, bytesMax, ...ids }: Merging): MergeMade {
  const { text, conflict_semantics } = mergeTexts(decoded(left.bytes), decoded(right.bytes), strategy);
  const payload = {
    strategy,
    left_branch_id: ids.left_branch_id,
    right_branch_id: ids.right_branch_id,
    lca_branch_id: ids.lca_branch_id,
    merged_text: text,
    left_text_hash: left.text_hash,
    right_text_hash: right.text_hash,
    conflict_semantics,
    seed: 0,
  };
  const event = { event_type: 'merge', payload, branch_id, event_id } as const;
  const [made] = evolve({ base: left, events: [event], bytesMax, pauseBytes: 0 });
  if (!made) throw new Error('a merge made nothing');
  return { made, conflict_semantics };
}

export const mergeTask: Task<Merging, MergeMade> = { name: 'branch.merge', compute: makeMerge };

export interface Replaying {
  readonly base: TextBytes;
  /** As they are kept. */
  readonly events: readonly BranchEvent[];
}

export interface Replayed {
  readonly text_hash: string;
  readonly preview: string;
}

/** What events make of a text, computed from its bytes on. */
export function replay({ base, events }: Replaying): Replayed {
  const text = decoded(base.bytes);
  let at: HashedText = { text, text_hash: hashOf(text) };
  for (const event of events) at = applyEvent(event, at, Number.POSITIVE_INFINITY);
  return { text_hash: at.text_hash, preview: previewOf(at.text) };
}

export const replayTask: Task<Replaying, Replayed> = { name: 'branch.replay', compute: replay };
