/**
 * Places in the log of a zone: event ids and numbers that clients go on from, and the edge below which events are no
 * longer kept. Guarantees: whoever asks for what lies below the edge is told so, and never given the rest as if it were all.
 */
import { z } from 'zod';
import { Fault } from '../../base/faults.ts';
import { plainText } from '../../base/texts.ts';
import type { Call } from '../../core/operation.ts';
import { findLastEventAt, findOldestEvent } from '../events/moments.sql.ts';

export const timeParam = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));
export const positionParam = z.union([z.int().min(0), plainText]);

/** The number in an event id of this zone, or by itself; undefined for any other text. */
export function positionIn(zone_id: string, given: number | string): number | undefined {
  if (typeof given === 'number') return given;
  const digits = given.startsWith(`${zone_id}.`) ? given.slice(zone_id.length + 1) : given;
  const number = /^\d{1,16}$/.test(digits) ? Number(digits) : Number.NaN;
  return Number.isSafeInteger(number) ? number : undefined;
}

/** The same; INVALID_CURSOR where it is none of this zone. */
export function requirePosition(zone_id: string, given: number | string): number {
  const position = positionIn(zone_id, given);
  if (position !== undefined) return position;
  throw new Fault('INVALID_CURSOR', `This is neither a number nor the id of an event of zone ${zone_id}`);
}

/** The oldest number that is kept; the one behind the newest where none is. */
export async function edgeOf({ tx, zone }: Pick<Call, 'tx' | 'zone'>): Promise<number> {
  return (await findOldestEvent(tx, zone.zone_id)) ?? zone.seq + 1;
}

/** REVISION_GONE where an event behind this number is no longer kept. */
export async function requireKept(call: Pick<Call, 'tx' | 'zone'>, after: number): Promise<void> {
  const edge = await edgeOf(call);
  if (after + 1 >= edge) return;
  throw new Fault('REVISION_GONE', `Events up to ${edge - 1} are no longer kept; begin at ${edge - 1}`, {
    revision: after,
    oldest: edge,
  });
}

/** Number of the newest event before a time; 0 where none is. */
export const lastBefore = async ({ tx, zone }: Pick<Call, 'tx' | 'zone'>, at: number): Promise<number> =>
  (await findLastEventAt(tx, zone.zone_id, at - 1)) ?? 0;
