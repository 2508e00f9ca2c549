/**
 * One listener to the log of a zone. Guarantees: it is given every event behind where it began that it wants and may see at
 * that moment, each once, in order, from the log as long as it is behind and from memory then, without a seam; one that
 * was up to date and does not take what comes is ended when it is 1 MiB behind (platform.md §3.4).
 */
import { z } from 'zod';
import type { Operation, Streaming } from '../../core/operation.ts';
import { eventLine } from './event-line.ts';
import { type EventFilter, type EventTest, eventFilter, eventTest } from './filter.ts';
import { joinZone, type LiveZone } from './live.ts';
import { requireKept } from './positions.ts';
import { STEP_ROOM, scan } from './scan.ts';
import { type Sight, seen, sightOf } from './sight.ts';

/** Bytes of the log that a listener may be behind. */
const BEHIND_BYTES = 1024 * 1024;
/** Milliseconds for which it has to have taken nothing; a busy server is no fault of its own. */
const STALLED_MS = 1_000;
/** Milliseconds for which what a caller sees is not asked for again, unless events come. */
const SIGHT_MS = 50;
/** Events of one step from the log, and characters of one from memory. */
const STEP_EVENTS = 1_000;
const STEP_CHARACTERS = 64 * 1024;

export interface Following {
  /** Number behind which it begins. */
  readonly after: number;
  readonly filter: EventFilter;
}

/** A step of a listener: what it is given, and how far it has come. */
export interface Step {
  readonly events: readonly Told[];
  readonly after: number;
}

export interface Told {
  readonly seq: number;
  readonly line: string;
}

const stepInput = z.object({ after: z.number(), filter: eventFilter, most: z.number() });
const stepOutput = z.object({
  events: z.custom<readonly Told[]>(Array.isArray),
  after: z.number(),
});

/** A step from the log itself, where a listener is behind what is kept in memory. */
export const eventStep: Operation<z.infer<typeof stepInput>, Step> = {
  name: 'event.step',
  summary: 'Give the next events of a listener that is behind.',
  effect: 'read',
  who: { role: 'viewer' },
  internal: true,
  heavy: true,
  input: stepInput,
  output: stepOutput,
  faults: ['REVISION_GONE'],
  run: async (call, { after, filter, most }) => {
    const { zone, tx, limits } = call;
    await requireKept(call, after);
    const { rows, next } = await scan(tx, {
      zone_id: zone.zone_id,
      newestFirst: false,
      from: after + 1,
      to: zone.seq,
      most,
      room: STEP_ROOM,
      filter,
      matches: eventTest(filter, limits),
      sight: await sightOf(call),
    });
    const events = rows.map((row) => ({ seq: row.seq, line: eventLine(row) }));
    return { events, after: next === undefined ? Math.max(after, zone.seq) : next - 1 };
  },
};

/** What the caller sees now. It never crosses a thread: sets of paths are functions. */
export const eventSight: Operation<Record<string, never>, Sight> = {
  name: 'event.sight',
  summary: 'Tell which events the caller sees.',
  effect: 'read',
  who: { role: 'viewer' },
  internal: true,
  input: z.object({}),
  output: z.custom<Sight>((value) => value !== undefined),
  faults: [],
  run: sightOf,
};

/** Steps without end, each as soon as there is something to look at; a step may have nothing to give. */
export async function* follow(streaming: Streaming, { after, filter }: Following): AsyncGenerator<Step> {
  const { signal } = streaming;
  const { live, leave } = await joinZone(streaming);
  const listener = new Listener(live, streaming, filter);
  let at = after;
  try {
    while (!signal.aborted) {
      const step = live.covers(at)
        ? await listener.fromMemory(at)
        : await streaming.run(eventStep, { after: at, filter, most: STEP_EVENTS });
      at = step.after;
      listener.gives(at);
      yield step;
      listener.taken();
      if (at >= live.head) await live.next(at, signal);
    }
  } finally {
    listener.leave();
    leave();
  }
}

class Listener {
  private readonly live: LiveZone;
  private readonly streaming: Streaming;
  private readonly matches: EventTest;
  private readonly unlisten: () => void;
  private readonly filterKey: string;
  /** It has once been up to date: from then on it may not fall far behind. */
  private upToDate = false;
  /** What it was given and has not taken yet. */
  private given: { readonly at: number; readonly since: number } | undefined;

  constructor(live: LiveZone, streaming: Streaming, filter: EventFilter) {
    this.live = live;
    this.streaming = streaming;
    this.matches = eventTest(filter, streaming.limits);
    this.filterKey = JSON.stringify(filter);
    this.unlisten = live.onGrowth(() => this.endIfSlow());
  }

  gives(at: number): void {
    this.upToDate ||= at >= this.live.head;
    this.given = { at, since: performance.now() };
  }

  taken(): void {
    this.given = undefined;
  }

  leave(): void {
    this.unlisten();
  }

  private endIfSlow(): void {
    if (!this.given || !this.upToDate || performance.now() - this.given.since < STALLED_MS) return;
    if (this.live.bytesBehind(this.given.at) > BEHIND_BYTES) this.streaming.end();
  }

  async fromMemory(after: number): Promise<Step> {
    const sight = await this.sight();
    // Who see everything and want the same are given the same.
    const key = `step ${after} ${this.filterKey}`;
    const known = sight.all ? this.live.shared.get(key) : undefined;
    const step = (known as Step | undefined) ?? this.stepFrom(after, sight);
    if (sight.all) this.live.shared.set(key, step);
    return step;
  }

  private stepFrom(after: number, sight: Sight): Step {
    const events: Told[] = [];
    let at = after;
    let characters = 0;
    for (const { row } of this.live.behind(after)) {
      if (characters > STEP_CHARACTERS) break;
      at = row.seq;
      const told = seen(row, sight);
      if (!told || !this.matches(told)) continue;
      const line = told === row ? this.live.lineOf(row) : eventLine(told);
      characters += line.length;
      events.push({ seq: row.seq, line });
    }
    return { events, after: at };
  }

  /** What the caller sees now; asked once for all streams of a credential that are given something at the same time. */
  private async sight(): Promise<Sight> {
    const { caller, address, channel } = this.streaming.context;
    const key = `sight ${JSON.stringify([caller.key_id, caller.agent_id, caller.token, address, channel])}`;
    const known = this.live.shared.get(key) as { readonly at: number; readonly sight: Promise<Sight> } | undefined;
    const now = performance.now();
    if (known && now - known.at < SIGHT_MS) return known.sight;
    const sight = this.streaming.run(eventSight, {});
    this.live.shared.set(key, { at: now, sight });
    return sight;
  }
}
