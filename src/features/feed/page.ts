/** Pages of events as they leave the server: lines of JSON, made where the rows were read, joined to lists by the door. */
import { z } from 'zod';
import { AnswerJson } from '../../core/call/answer-bytes.ts';
import type { EventRow } from '../events/events.sql.ts';
import { eventId, eventLine, eventObject } from './event-line.ts';

/** A JSON list in UTF-8, which crosses threads as it is. */
export const jsonList = z.custom<Uint8Array>((value) => value instanceof Uint8Array);

export const pageShape = { next_cursor: z.string().nullable(), has_more: z.boolean() };

/** What a client is given for it. */
export const eventsBody = z.object({ events: z.array(eventObject), ...pageShape });

const encoder = new TextEncoder();

export const listOf = (rows: readonly EventRow[], line: (row: EventRow) => string = eventLine): Uint8Array =>
  encoder.encode(`[${rows.map(line).join(',')}]`);

/** Of the operations view: an event that has a second name for its id. */
export const operationLine = (row: EventRow): string =>
  `${eventLine(row).slice(0, -1)},"operation_id":"${eventId(row.zone_id, row.seq)}"}`;

export const inBody = (list: Uint8Array): AnswerJson => new AnswerJson([list]);
