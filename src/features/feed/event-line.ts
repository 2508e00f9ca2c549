/**
 * An event as clients get it (platform.md §3.1), written as one line of JSON. Guarantees: fields that an event does not
 * have are absent, never null; a line holds no line break. It is written piece by piece because `data` is JSON already:
 * to take it apart and write it again would take longer than all the rest of a replay.
 */
import { z } from 'zod';
import { isoTime } from '../../base/clock.ts';
import { jsonObject } from '../../base/json-object.ts';
import type { EventRow } from '../events/events.sql.ts';

/** The object that a line is. */
export const eventObject = z.object({
  event_id: z.string(),
  id: z.string(),
  sequence_number: z.number(),
  revision: z.number(),
  type: z.string(),
  operation_type: z.string(),
  path: z.string(),
  old_path: z.string().optional(),
  new_path: z.string().optional(),
  zone_id: z.string(),
  branch: z.string().optional(),
  user_id: z.string(),
  agent_id: z.string().optional(),
  channel: z.string(),
  request_id: z.string(),
  timestamp: z.string(),
  status: z.literal('success'),
  object: z.object({ type: z.string(), id: z.string() }).optional(),
  data: jsonObject,
});
export type EventObject = z.infer<typeof eventObject>;

/** The words for the ways in (workflows.md §1.1), where a row has another. */
const CHANNELS: Readonly<Record<string, string>> = { http: 'api', rpc: 'api', internal: 'system' };

/** Nothing in it has to be escaped. */
const PLAIN = /^[ !#-[\]-~]*$/;
const text = (value: string): string => (PLAIN.test(value) ? `"${value}"` : JSON.stringify(value));

export const eventId = (zone_id: string, seq: number): string => `${zone_id}.${seq}`;

export function eventLine(row: EventRow): string {
  // Each field is read once: rows as the engine gives them are slow to ask.
  const { zone_id, seq, at, type, path, old_path, branch, object_type, object_id, request_id, data } = row;
  const { user_id, agent_id, channel } = row;
  const number = String(seq);
  const id = `${zone_id}.${number}`;
  const where = text(path);
  const renamed = old_path === null ? '' : `,"old_path":${text(old_path)},"new_path":${where}`;
  const by = byText({ zone_id, branch, user_id, agent_id, channel });
  const object = object_type === null ? '' : `,"object":{"type":${text(object_type)},"id":${text(object_id ?? '')}}`;
  return `{"event_id":"${id}","id":"${id}","sequence_number":${number},"revision":${number}${typeText(type)},"path":${where}${renamed}${by},"request_id":${text(request_id)},"timestamp":"${timeText(at)}","status":"success"${object},"data":${data}}`;
}

/** Texts of the types that were written; there are few, but applications make more. */
const types = new Map<string, string>();
const TYPES_KEPT = 1_000;

function typeText(type: string): string {
  const known = types.get(type);
  if (known !== undefined) return known;
  const made = `,"type":${text(type)},"operation_type":${text(type)}`;
  if (types.size >= TYPES_KEPT) types.clear();
  types.set(type, made);
  return made;
}

type By = Pick<EventRow, 'zone_id' | 'branch' | 'user_id' | 'agent_id' | 'channel'>;

/** Where and by whom the last event was made, and its text: along the log, most events share it with the one before. */
let last: By | undefined;
let lastText = '';

function byText(by: By): string {
  const same =
    last?.user_id === by.user_id &&
    last.agent_id === by.agent_id &&
    last.zone_id === by.zone_id &&
    last.branch === by.branch &&
    last.channel === by.channel;
  if (same) return lastText;
  const { zone_id, branch, user_id, agent_id, channel } = by;
  last = by;
  const on = branch === null ? '' : `,"branch":${text(branch)}`;
  const agent = agent_id === null ? '' : `,"agent_id":${text(agent_id)}`;
  lastText = `,"zone_id":"${zone_id}"${on},"user_id":${text(user_id)}${agent},"channel":"${CHANNELS[channel] ?? channel}"`;
  return lastText;
}

/** The same of the second. */
let second = Number.NaN;
let secondText = '';

function timeText(at: number): string {
  const since = Math.floor(at / 1000);
  if (since !== second) {
    second = since;
    secondText = isoTime(since * 1000).slice(0, -4);
  }
  const ms = at - since * 1000;
  return `${secondText}${ms < 10 ? '00' : ms < 100 ? '0' : ''}${ms}Z`;
}
