/**
 * The conditions of an agent (platform.md §1.4). Pure. Guarantee: `last_transition` is when the status of the condition
 * became what it is, not when somebody looked.
 */
import { z } from 'zod';
import { isoTime } from '../../base/clock.ts';
import { isStale, LIVE, type Moment } from './agent.ts';
import type { AgentRow } from './agents.sql.ts';

export const conditionObject = z.object({
  type: z.enum(['SpecAccepted', 'Warm', 'Heartbeat']),
  status: z.enum(['True', 'False', 'Unknown']),
  reason: z.string(),
  message: z.string(),
  last_transition: z.string(),
  observed_generation: z.number(),
});
export type Condition = z.infer<typeof conditionObject>;

/** Was the last warmup that ended for the spec that is there now? */
export const isForPresentSpec = ({ spec_generation, warm_generation }: AgentRow): boolean =>
  warm_generation === spec_generation;

/** Warmed up for the spec that is there now. */
export const isWarm = (row: AgentRow): boolean =>
  row.spec_generation > 0 && row.warm_status === 'True' && isForPresentSpec(row);

export const conditionsOf = (row: AgentRow, at: Moment): readonly Condition[] => [
  specAccepted(row),
  warm(row),
  heartbeat(row, at),
];

function specAccepted(row: AgentRow): Condition {
  const known = row.spec_generation > 0;
  return {
    type: 'SpecAccepted',
    status: known ? 'True' : 'Unknown',
    reason: known ? 'Accepted' : 'NoSpec',
    message: known ? `Generation ${row.spec_generation} is wanted` : 'No spec was given yet',
    last_transition: isoTime(row.spec_first_at ?? row.created_at),
    observed_generation: row.spec_generation,
  };
}

function warm(row: AgentRow): Condition {
  const { warm_status, warm_generation, warm_at } = row;
  const base = { type: 'Warm', observed_generation: warm_generation ?? 0 } as const;
  if (warm_status === null || warm_at === null) {
    const at = isoTime(row.created_at);
    return {
      ...base,
      status: 'Unknown',
      reason: 'NeverWarmed',
      message: 'No warmup has ended yet',
      last_transition: at,
    };
  }
  if (isForPresentSpec(row)) {
    const { warm_reason: reason, warm_message: message } = row;
    return {
      ...base,
      status: warm_status,
      reason: reason ?? '',
      message: message ?? '',
      last_transition: isoTime(warm_at),
    };
  }
  return {
    ...base,
    status: 'Unknown',
    reason: 'SpecChanged',
    message: `The last warmup was for generation ${warm_generation} of the spec`,
    last_transition: isoTime(row.cooled_at ?? warm_at),
  };
}

function heartbeat(row: AgentRow, at: Moment): Condition {
  const base = { type: 'Heartbeat', observed_generation: row.generation } as const;
  if (!LIVE.includes(row.state)) {
    const message = `None is expected while ${row.state}`;
    return { ...base, status: 'Unknown', reason: 'NotConnected', message, last_transition: isoTime(row.moved_at) };
  }
  if (isStale(row, at)) {
    const message = `Not heard of for more than ${at.limit / 1000} s`;
    const lapsed = isoTime(row.heard_at + at.limit);
    return { ...base, status: 'False', reason: 'Silent', message, last_transition: lapsed };
  }
  const message = `Heard of in the last ${at.limit / 1000} s`;
  return { ...base, status: 'True', reason: 'Heard', message, last_transition: isoTime(row.fresh_at) };
}
