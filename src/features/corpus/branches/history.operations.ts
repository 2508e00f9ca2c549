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
import type { Blobs } from '../../../ports/blobs.ts';
import { readText } from '../documents/texts.ts';
import { getBranch } from './bases.ts';
import { EVENT_INDEX } from './event-hash.ts';
import type { Payload } from './events/event.ts';
import { type BranchGraph, graphOf, graphShape } from './graph.ts';
import {
  type BranchKey,
  type EventRow,
  familyEvents,
  familySizes,
  lineageEvents,
  lineageSizes,
  type PayloadSizes,
} from './lineages.sql.ts';
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

/** The payload as it was kept, with the text that it came with. */
export async function payloadOf({ payload, carried, ...row }: EventRow, blobs: Blobs): Promise<Payload> {
  const rest = parseJson(payload) as Payload;
  if (carried === null || row.size === null) return rest;
  return { ...rest, [carried]: await readText(blobs, { sha256: row.text_hash, size: row.size, inline: row.inline }) };
}

interface Found {
  readonly branch: BranchKey & { readonly root_document_id: string | null };
  readonly events: readonly EventRow[];
}

const eventShape = z.object({
  branch_id: z.string(),
  event_id: z.string(),
  event_index: z.number(),
  event_type: z.string(),
  event_payload: jsonObject,
  diff_summary: jsonObject,
  created_at: z.string(),
});
const timelineShape = z.object({
  branch_id: z.string(),
  root_document_id: z.string().nullable(),
  events: z.array(eventShape),
  replay_snapshot: replayShape.shape.replay_snapshot,
});
export type BranchTimeline = z.infer<typeof timelineShape>;

const timeline: Operation<OnlyBranch, BranchTimeline, Replay, Found & { readonly replayed: Replay }> = {
  name: 'branch.timeline',
  summary: 'Show the events of the lineage of a branch, the first one first.',
  effect: 'read',
  heavy: true,
  who: VIEWER,
  input: onlyBranch,
  output: timelineShape,
  faults: ['NOT_FOUND', 'LIMIT_EXCEEDED', 'UNAVAILABLE'],
  http: { method: 'GET', path: '/api/v1/branches/:branch_id/timeline', tolerant: true },
  cli: { words: 'branch timeline', args: ['branch_id'] },
  prepare: async (input, preparation) => carryOut(await preparation.run(planReplay, input), preparation),
  run: async (call, replayed) => {
    const branch = await getBranch(call, replayed.branch_id);
    checkSizes(call, await lineageSizes(call.tx, branch));
    return { branch, events: await lineageEvents(call.tx, branch), replayed };
  },
  finish: async ({ branch, events, replayed }, { blobs }) => {
    const shown: z.infer<typeof eventShape>[] = [];
    for (const row of events) {
      shown.push({
        branch_id: row.branch_id,
        event_id: row.event_id,
        event_index: EVENT_INDEX,
        event_type: row.event_type,
        event_payload: await payloadOf(row, blobs),
        diff_summary: parseJson(row.diff_summary) as Payload,
        created_at: isoTime(row.created_at),
      });
    }
    const { branch_id, root_document_id } = branch;
    return { branch_id, root_document_id, events: shown, replay_snapshot: replayed.replay_snapshot };
  },
};

const graph: Operation<OnlyBranch, BranchGraph, OnlyBranch, Found> = {
  name: 'branch.graph',
  summary: 'Show the lineage of a branch, and of what was merged into it, as a graph of events.',
  effect: 'read',
  heavy: true,
  who: VIEWER,
  input: onlyBranch,
  output: graphShape,
  faults: ['NOT_FOUND', 'LIMIT_EXCEEDED', 'UNAVAILABLE'],
  http: { method: 'GET', path: '/api/v1/branches/:branch_id/visualization', tolerant: true },
  cli: { words: 'branch graph', args: ['branch_id'] },
  run: async (call, { branch_id }) => {
    const branch = await getBranch(call, branch_id);
    checkSizes(call, await familySizes(call.tx, branch));
    return { branch, events: await familyEvents(call.tx, branch) };
  },
  finish: async ({ branch, events }, { blobs }) => {
    const payloads = new Map<string, Payload>();
    for (const row of events) payloads.set(row.branch_id, await payloadOf(row, blobs));
    return graphOf(branch, events, payloads);
  },
};

export const historyOperations = [timeline, graph] as const;
