/**
 * Payloads of events as they are shown. Guarantees: a large text that came with an event is named by its hash, and read by the
 * door while it writes the answer.
 */
import { z } from 'zod';
import { parseJson } from '../../../base/parse-json.ts';
import { AnswerBytes } from '../../../core/call/answer-bytes.ts';
import type { Payload } from './events/event.ts';
import type { EventRow } from './lineages.sql.ts';

/** A field of a payload whose text lies in the store of blobs. */
export const largeText = z.object({ field: z.string(), sha256: z.string(), size: z.number() }).nullable();
type LargeText = z.infer<typeof largeText>;

export interface ShownPayload {
  readonly event_payload: Record<string, unknown>;
  readonly large_text: LargeText;
}

export function payloadOf(row: EventRow): ShownPayload {
  const rest = parseJson(row.payload) as Payload;
  const { carried: field, text_hash: sha256, size, inline } = row;
  if (field === null || size === null) return { event_payload: { ...rest }, large_text: null };
  if (!inline) return { event_payload: { ...rest }, large_text: { field, sha256, size } };
  return { event_payload: { ...rest, [field]: Buffer.from(inline).toString('utf8') }, large_text: null };
}

/** The payload with all that belongs to it. */
export function presentPayload(event_payload: Payload, large: LargeText): Payload {
  if (!large) return event_payload;
  const { field, sha256, size } = large;
  return {
    ...event_payload,
    [field]: new AnswerBytes({ sha256, size, inline: null }, { start: 0, end: size }, 'text'),
  };
}
