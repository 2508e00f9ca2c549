/**
 * The oldest events go, where the operator keeps them for a number of days only (platform.md §3.5), as a step of the server
 * itself; no door reaches it. Guarantees: each step is one short transaction and can be repeated; what is left is the log
 * from one event on, without a hole, and holds the state of the zone at every time within those days.
 */
import { z } from 'zod';
import type { Operation } from '../../core/operation.ts';
import { findLastEventAt, findOldestEvent } from './moments.sql.ts';
import { markDays, removeEventsBefore } from './removal.sql.ts';

const DAY_MS = 86_400_000;
/** Numbers of one step: short enough that other writes of the engine hardly wait. */
const SLICE = 500;

const input = z.object({ days: z.number() });
const output = z.object({ trimmed: z.number(), left: z.boolean() });

export const eventTrim: Operation<z.infer<typeof input>, z.infer<typeof output>> = {
  name: 'event.trim',
  summary: 'Remove a slice of the events of a zone that are no longer kept.',
  effect: 'destroy',
  who: 'root admin',
  internal: true,
  input,
  output,
  faults: [],
  run: async ({ tx, zone, now }, { days }) => {
    const { zone_id } = zone;
    // The last one before those days stays: it tells which revision they began with.
    const kept = await findLastEventAt(tx, zone_id, now - days * DAY_MS);
    const oldest = await findOldestEvent(tx, zone_id);
    if (kept === undefined || oldest === undefined || oldest >= kept) return { trimmed: 0, left: false };
    const until = Math.min(kept, oldest + SLICE);
    await markDays(tx, zone_id, until);
    return { trimmed: await removeEventsBefore(tx, zone_id, until), left: until < kept };
  },
};
