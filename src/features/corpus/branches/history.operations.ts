/**
 * The lineage of a branch, as a list and as a graph (corpus.md §9). Guarantees: the events of a lineage are read by one query,
 * however long it is; an answer that would be larger than what one may be is refused before it is read.
 */
import { z } from 'zod';
import { isoTime } from '../../../base/clock.ts';
import { jsonObject } from '../../../base/json-object.ts';
import { limitExceeded } from '../../../base/limits.ts';
import { parseJson } from '../../../base/parse-json.ts';
import type { Call, Operation } from '../../../core/operation.ts';
import { getBranch } from './bases.ts';
import { EVENT_INDEX } from './event-hash.ts';
import { type GraphOutput, graphBody, graphOf, graphOutput, presentGraph } from './graph.ts';
import { familyEvents, familySizes, lineageEvents, lineageSizes, type PayloadSizes } from './lineages.sql.ts';
import { largeText, payloadOf, presentPayload } from './payloads.ts';
import { carryOut, type OnlyBranch, onlyBranch, planReplay, type Replay, replayShape } from './replays.ts';

const VIEWER = { role: 'viewer' } as const;

/** Of an event beside its payload, with its edges, about. */
const EVENT_BYTES = 1024;

function checkSizes({ limits }: Call, { events, bytes }: PayloadSizes): void {
  const actual = bytes + events * EVENT_BYTES;
  const maximum = limits.JSON_READ_BYTES;
  if (actual > maximum) {
    throw limitExceeded('JSON_READ_BYTES', maximum, { actual, what: `${events} events in one answer` });
  }
}

const eventBody = z.object({
  branch_id: z.string(),
  event_id: z.string(),
  event_index: z.number(),
  event_type: z.string(),
  event_payload: jsonObject,
  diff_summary: jsonObject,
  created_at: z.string(),
});
const timelineBody = z.object({
  branch_id: z.string(),
  root_document_id: z.string().nullable(),
  events: z.array(eventBody),
  replay_snapshot: replayShape.shape.replay_snapshot,
});
export type BranchTimeline = z.infer<typeof timelineBody>;
const timelineOutput = timelineBody.extend({ events: z.array(eventBody.extend({ large_text: largeText })) });
type TimelineOutput = z.infer<typeof timelineOutput>;

const timeline: Operation<OnlyBranch, TimelineOutput, Replay> = {
  name: 'branch.timeline',
  tool: 'get_branch_timeline',
  summary: 'Show the events of the lineage of a branch, the first one first.',
  effect: 'read',
  heavy: true,
  who: VIEWER,
  input: onlyBranch,
  output: timelineOutput,
  faults: ['NOT_FOUND', 'LIMIT_EXCEEDED', 'UNAVAILABLE'],
  http: {
    method: 'GET',
    path: '/api/v1/branches/:branch_id/timeline',
    tolerant: true,
    present: ({ events, ...rest }) => ({
      ...rest,
      events: events.map(({ large_text, event_payload, ...event }) => ({
        ...event,
        event_payload: presentPayload(event_payload, large_text),
      })),
    }),
    body: timelineBody,
  },
  cli: { words: 'branch timeline', args: ['branch_id'] },
  prepare: async (input, preparation) => carryOut(await preparation.run(planReplay, input), preparation),
  run: async (call, { branch_id, replay_snapshot }) => {
    const branch = await getBranch(call, branch_id);
    checkSizes(call, await lineageSizes(call.tx, branch));
    const rows = await lineageEvents(call.tx, branch);
    const events = rows.map((row) => ({
      branch_id: row.branch_id,
      event_id: row.event_id,
      event_index: EVENT_INDEX,
      event_type: row.event_type,
      ...payloadOf(row),
      diff_summary: parseJson(row.diff_summary) as Record<string, unknown>,
      created_at: isoTime(row.created_at),
    }));
    return { branch_id, root_document_id: branch.root_document_id, events, replay_snapshot };
  },
};

const graph: Operation<OnlyBranch, GraphOutput> = {
  name: 'branch.graph',
  tool: 'get_branch_graph',
  summary: 'Show the lineage of a branch, and of what was merged into it, as a graph of events.',
  effect: 'read',
  heavy: true,
  who: VIEWER,
  input: onlyBranch,
  output: graphOutput,
  faults: ['NOT_FOUND', 'LIMIT_EXCEEDED', 'UNAVAILABLE'],
  http: {
    method: 'GET',
    path: '/api/v1/branches/:branch_id/visualization',
    tolerant: true,
    present: presentGraph,
    body: graphBody,
  },
  cli: { words: 'branch graph', args: ['branch_id'] },
  run: async (call, { branch_id }) => {
    const branch = await getBranch(call, branch_id);
    checkSizes(call, await familySizes(call.tx, branch));
    return graphOf(branch, await familyEvents(call.tx, branch));
  },
};

export const historyOperations = [timeline, graph] as const;
