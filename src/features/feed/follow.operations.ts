/** The log as it grows: a stream of events that resumes without a gap, and a call that waits for a change (platform.md §3.2, §3.4). */
import { z } from 'zod';
import { plainText } from '../../base/texts.ts';
import type { Operation, Streaming } from '../../core/operation.ts';
import { eventId, eventObject } from './event-line.ts';
import { ALL_EVENTS, agentParam, type EventFilter, eventTest, typesParam } from './filter.ts';
import { follow, type Step } from './follow.ts';
import { inBody, jsonList } from './page.ts';
import { positionIn, positionParam, requirePosition, requireThere } from './positions.ts';
import { type Sought, seekTail, type TailFound, tailBegin, tailFound } from './tail.ts';

const TAIL_DEFAULT = 10;
const TAIL_MAX = 100;

const streamInput = z.object({
  path: plainText.optional().describe('glob over absolute paths'),
  event_types: typesParam.describe('types of events, by any of their names'),
  agent_id: agentParam,
  tail: z.int().min(0).max(TAIL_MAX).default(TAIL_DEFAULT).describe('newest events to begin with'),
  last_event_id: plainText.optional().describe('event behind which to go on; the header Last-Event-ID of browsers'),
});
type StreamInput = z.infer<typeof streamInput>;

const filterIn = ({ path, event_types, agent_id }: Omit<StreamInput, 'tail' | 'last_event_id'>): EventFilter => ({
  ...ALL_EVENTS,
  types: event_types ?? null,
  agent_id: agent_id ?? null,
  path_pattern: path ?? null,
});

export const eventFollow: Operation<StreamInput, TailFound> = {
  name: 'event.follow',
  summary: 'Follow what happens in the zone: the newest events, then each one as it comes, until the client goes.',
  effect: 'read',
  who: { role: 'viewer' },
  heavy: true,
  input: streamInput,
  output: tailFound,
  faults: ['INVALID_PATTERN', 'REVISION_GONE', 'TOO_MANY'],
  http: { method: 'GET', path: '/api/v2/events/stream', headers: { 'last-event-id': 'last_event_id' } },
  cli: { words: 'event follow', args: ['path'] },
  stream: {
    media: 'text/event-stream',
    item: eventObject,
    open: (found, streaming, input) =>
      frames(streaming, fromTail(streaming, { found, filter: filterIn(input as StreamInput) })),
  },
  run: async (call, input) => {
    const filter = filterIn(input);
    const given = input.last_event_id === undefined ? undefined : positionIn(call.zone.zone_id, input.last_event_id);
    if (given === undefined || given > call.zone.seq) {
      const { seq } = call.zone;
      return seekTail(call, { found: { after: seq, next: seq, left: input.tail }, filter });
    }
    await requireThere(call, given);
    return { after: given, next: null, left: 0 };
  },
};

async function* fromTail(streaming: Streaming, sought: Sought): AsyncGenerator<Step> {
  const after = await tailBegin(streaming, sought);
  yield* follow(streaming, { after, filter: sought.filter });
}

const encoder = new TextEncoder();
/** Steps are shared by those who are given the same. */
const framed = new WeakMap<Step, Uint8Array>();

async function* frames({ context }: Streaming, steps: AsyncIterable<Step>): AsyncGenerator<Uint8Array> {
  for await (const step of steps) if (step.events.length > 0) yield framesOf(context.zone_id, step);
}

function framesOf(zone_id: string, step: Step): Uint8Array {
  const known = framed.get(step);
  if (known) return known;
  const text = step.events.map(({ seq, line }) => `id: ${eventId(zone_id, seq)}\ndata: ${line}\n\n`).join('');
  const bytes = encoder.encode(text);
  framed.set(step, bytes);
  return bytes;
}

const SECONDS_DEFAULT = 30;
const CHANGES_MAX = 100;

const watchInput = z.object({
  path: plainText.default('/**/*').describe('glob over absolute paths'),
  timeout: z.number().min(0.1).max(300).default(SECONDS_DEFAULT).describe('seconds to wait'),
  since: positionParam.optional().describe('cursor of the answer before, so that nothing in between is missed'),
});
type WatchInput = z.infer<typeof watchInput>;

const watchOutput = z.object({ changes: jsonList, timeout: z.boolean(), cursor: z.string() });
type WatchOutput = z.infer<typeof watchOutput>;

const answerOf = (zone_id: string, { events, after }: Step): WatchOutput => ({
  changes: encoder.encode(`[${events.map(({ line }) => line).join(',')}]`),
  timeout: events.length === 0,
  cursor: eventId(zone_id, after),
});

export const eventWatch: Operation<WatchInput, WatchOutput> = {
  name: 'event.watch',
  tool: 'wait_for_event',
  summary: 'Wait for a change in the zone: the answer comes with the first one, or when the time is over.',
  effect: 'read',
  who: { role: 'viewer' },
  input: watchInput,
  output: watchOutput,
  faults: ['INVALID_CURSOR', 'INVALID_PATTERN', 'REVISION_GONE', 'TOO_MANY'],
  http: {
    method: 'GET',
    path: '/api/v2/watch',
    present: (output) => ({ ...output, changes: inBody(output.changes) }),
    body: z.object({ changes: z.array(eventObject), timeout: z.boolean(), cursor: z.string() }),
  },
  cli: { words: 'event watch', args: ['path'] },
  run: async (call, { path, since }) => {
    const { zone, limits } = call;
    eventTest({ ...ALL_EVENTS, path_pattern: path }, limits);
    const after = since === undefined ? zone.seq : requirePosition(zone.zone_id, since);
    await requireThere(call, after);
    return answerOf(zone.zone_id, { events: [], after });
  },
  linger: async ({ cursor }, streaming, input) => {
    const { path, timeout } = input as WatchInput;
    const { zone_id } = streaming.context;
    const after = requirePosition(zone_id, cursor);
    const filter = { ...ALL_EVENTS, path_pattern: path };
    const timer = setTimeout(() => streaming.end(), timeout * 1000);
    let seen: Step = { events: [], after };
    try {
      for await (const step of follow(streaming, { after, filter })) {
        seen = firstOf(step);
        if (seen.events.length > 0) break;
      }
    } finally {
      clearTimeout(timer);
    }
    return answerOf(zone_id, seen);
  },
};

/** No more than fit into an answer; the rest comes with the next one. */
function firstOf(step: Step): Step {
  const events = step.events.slice(0, CHANGES_MAX);
  const last = events.at(-1);
  return last && events.length < step.events.length ? { events, after: last.seq } : step;
}
