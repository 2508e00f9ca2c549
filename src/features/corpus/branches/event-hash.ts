/** The hash by which an event of a branch is told (corpus.md §9). Pure. */
import { canonicalJson } from '../../../base/canonical-json.ts';
import { hashOf } from '../text/rules.ts';
import type { Payload } from './events/event.ts';

/** A branch holds exactly one event. */
export const EVENT_INDEX = 1;

export interface HashedEvent {
  readonly branch_id: string;
  readonly event_type: string;
  /** Validated. */
  readonly payload: Payload;
  readonly text_hash: string;
}

export const eventHash = ({ branch_id, event_type, payload, text_hash }: HashedEvent): string =>
  hashOf(`${branch_id}:${EVENT_INDEX}:${event_type}:${canonicalJson(payload)}:${text_hash}`);
