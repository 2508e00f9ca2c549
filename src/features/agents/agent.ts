/**
 * What becomes of an agent (platform.md §1.2, §1.4). Pure. Guarantees: only entering CONNECTED raises the generation; an
 * agent is stale exactly while it is connected or idle and was not heard of for longer than the limit; each lapse is to
 * be told once.
 */
import type { Limits } from '../../base/limits.ts';

export const STATES = ['UNKNOWN', 'CONNECTED', 'IDLE', 'SUSPENDED'] as const;
export type AgentState = (typeof STATES)[number];

/** Where each state may lead. */
export const MOVES: Readonly<Record<AgentState, readonly AgentState[]>> = {
  UNKNOWN: ['CONNECTED'],
  CONNECTED: ['CONNECTED', 'IDLE', 'SUSPENDED'],
  IDLE: ['CONNECTED', 'SUSPENDED'],
  SUSPENDED: ['CONNECTED'],
};

/** An agent as it was observed. Times are milliseconds. */
export interface Life {
  readonly state: AgentState;
  readonly generation: number;
  readonly moved_at: number;
  /** Last heartbeat or move, whichever is later. */
  readonly heard_at: number;
  /** Since when it has not been stale, if it is not. */
  readonly fresh_at: number;
  /** When to look whether it has lapsed; null while it cannot, and once its lapse has been told. */
  readonly due_at: number | null;
  readonly beat_at: number | null;
  readonly activity: string | null;
  readonly active_at: number | null;
  readonly observed_generation: number;
  readonly tokens_used: number;
  readonly storage_used_mb: number;
  readonly context_usage_pct: number;
}

export const newLife = (now: number): Life => ({
  state: 'UNKNOWN',
  generation: 0,
  moved_at: now,
  heard_at: now,
  fresh_at: now,
  due_at: null,
  beat_at: null,
  activity: null,
  active_at: null,
  observed_generation: 0,
  tokens_used: 0,
  storage_used_mb: 0,
  context_usage_pct: 0,
});

/** Milliseconds of silence after which an agent is stale. */
export const staleMs = ({ AGENT_STALE_SECONDS }: Pick<Limits, 'AGENT_STALE_SECONDS'>): number =>
  AGENT_STALE_SECONDS * 1000;

/** States in which an agent is expected to be heard of. */
export const LIVE: readonly AgentState[] = ['CONNECTED', 'IDLE'];
const isLive = ({ state }: Pick<Life, 'state'>): boolean => LIVE.includes(state);

/** A time, and the silence that is too long. */
export interface Moment {
  readonly now: number;
  readonly limit: number;
}

export const isStale = (life: Pick<Life, 'state' | 'heard_at'>, { now, limit }: Moment): boolean =>
  isLive(life) && now - life.heard_at > limit;

/** Has it lapsed without that being told? */
export const isUntold = (life: Life, at: Moment): boolean => life.due_at !== null && isStale(life, at);

/** Heard of now: a lapse is over, and the next one will be told. */
function heard(life: Life, before: Life, at: Moment): Life {
  const wasFresh = isLive(before) && !isStale(before, at);
  const due = wasFresh ? before.due_at : null;
  return {
    ...life,
    heard_at: at.now,
    fresh_at: wasFresh ? before.fresh_at : at.now,
    due_at: isLive(life) ? (due ?? at.now + at.limit) : null,
  };
}

export function moved(before: Life, state: AgentState, at: Moment): Life {
  const generation = before.generation + (state === 'CONNECTED' ? 1 : 0);
  const active_at = at.now;
  return heard({ ...before, state, generation, active_at, moved_at: at.now }, before, at);
}

/** What an agent says of itself with a heartbeat; what is left out stays as it was. */
export interface Report {
  readonly activity?: string | undefined;
  readonly observed_generation?: number | undefined;
  readonly resource_usage?:
    | {
        readonly tokens_used?: number | undefined;
        readonly storage_used_mb?: number | undefined;
        readonly context_usage_pct?: number | undefined;
      }
    | undefined;
}

export function beaten(before: Life, report: Report, at: Moment): Life {
  const { activity, observed_generation, resource_usage: usage = {} } = report;
  const said = {
    ...before,
    beat_at: at.now,
    activity: activity ?? before.activity,
    active_at: activity === undefined ? before.active_at : at.now,
    observed_generation: observed_generation ?? before.observed_generation,
    tokens_used: usage.tokens_used ?? before.tokens_used,
    storage_used_mb: usage.storage_used_mb ?? before.storage_used_mb,
    context_usage_pct: usage.context_usage_pct ?? before.context_usage_pct,
  };
  return heard(said, before, at);
}

/** What the look of {@link Life.due_at} finds: a lapse, which is told now, or a later time to look again. */
export const looked = (life: Life, at: Moment): Life => ({
  ...life,
  due_at: isStale(life, at) || !isLive(life) ? null : life.heard_at + at.limit,
});

export const PHASES = ['suspended', 'stale', 'warming', 'ready', 'pending', 'idle', 'thinking', 'active'] as const;
export type Phase = (typeof PHASES)[number];

/** How far warming up is, for the present spec. */
export interface Warmth {
  readonly warming: boolean;
  readonly warm: boolean;
}

export function phaseOf(life: Life, { warming, warm }: Warmth, at: Moment): Phase {
  if (life.state === 'SUSPENDED') return 'suspended';
  if (isStale(life, at)) return 'stale';
  if (life.state === 'UNKNOWN') return warming ? 'warming' : warm ? 'ready' : 'pending';
  if (life.state === 'IDLE') return 'idle';
  return life.activity === 'thinking' ? 'thinking' : 'active';
}
