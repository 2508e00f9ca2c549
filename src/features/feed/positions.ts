/**
 * Places in the log of a zone: event ids and numbers that clients go on from, and the edge below which events are no
 * longer kept. Guarantees: whoever asks for what lies below the edge is told so, and never given the rest as if it were all.
 */
import { z } from 'zod';
import { Fault } from '../../base/faults.ts';
import { plainText } from '../../base/texts.ts';
import type { Call } from '../../core/operation.ts';
import { findGap } from '../events/gaps.sql.ts';
import { findEdge, findLastEventAt } from '../events/moments.sql.ts';

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

export interface Edge {
  /** The oldest number that is kept; the one behind the newest where none is. */
  readonly oldest: number;
  /** When the log was last replaced; cursors carry it, so that those from before are known. */
  readonly restored_at: number;
}

export async function edgeOf({ tx, zone }: Pick<Call, 'tx' | 'zone'>): Promise<Edge> {
  const { oldest, restored_at } = await findEdge(tx, zone.zone_id);
  return { oldest: oldest ?? zone.seq + 1, restored_at };
}

/** REVISION_GONE where an event behind this number is no longer kept. */
export async function requireKept(call: Pick<Call, 'tx' | 'zone'>, after: number): Promise<Edge> {
  const edge = await edgeOf(call);
  const { oldest } = edge;
  if (after + 1 >= oldest) return edge;
  throw new Fault('REVISION_GONE', `Events up to ${oldest - 1} are no longer kept; begin at ${oldest - 1}`, {
    revision: after,
    oldest,
  });
}

/** The same of a number that a client says, which a restore may have undone since. */
export async function requireThere(call: Pick<Call, 'tx' | 'zone'>, after: number): Promise<Edge> {
  const edge = await requireKept(call, after);
  if (edge.restored_at === 0) return edge;
  const gap = await findGap(call.tx, call.zone.zone_id, after);
  if (!gap) return edge;
  throw new Fault(
    'REVISION_GONE',
    `Events behind ${gap.kept} were undone by a restore; begin again, or at ${gap.kept}`,
    {
      revision: after,
      oldest: edge.oldest,
      kept: gap.kept,
    },
  );
}

/** What a cursor of the log carries of it. */
export const restoredParam = z.int().default(0);

/** REVISION_GONE for a cursor from before a restore. */
export function requireSameLog(
  { restored_at }: Pick<Edge, 'restored_at'>,
  cursor: { readonly restored_at: number },
): void {
  if (cursor.restored_at === restored_at) return;
  throw new Fault('REVISION_GONE', 'This cursor is from before a restore; begin again without it', { restored_at });
}

/** Number of the newest event before a time; 0 where none is. */
export const lastBefore = async ({ tx, zone }: Pick<Call, 'tx' | 'zone'>, at: number): Promise<number> =>
  (await findLastEventAt(tx, zone.zone_id, at - 1)) ?? 0;
