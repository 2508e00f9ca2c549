/** How far the check of stored contents is, which are damaged, and that all are read again now. */
import { z } from 'zod';
import { isoTime } from '../../base/clock.ts';
import type { Call, Operation } from '../../core/operation.ts';
import type { Tx } from '../../ports/sql.ts';
import { queueTime } from '../jobs/clock.sql.ts';
import { listUnfinished } from '../jobs/house.sql.ts';
import { enqueueHousework } from '../jobs/queue.ts';
import { HOUSEWORK } from '../jobs/topics.ts';
import { CONTENT_CHECK, newRound } from './check.operations.ts';
import { countDamages, findRound, listDamages, newestContent, type RoundRow, saveRound } from './check.sql.ts';
import type { Reference } from './collect.sql.ts';

const WHO = { who: 'root admin', zone: 'caller' } as const;
const DAMAGES_SHOWN = 100;
const PLACES_SHOWN = 10;

/** Where a content is named, as far as it is a file. */
export interface Place {
  readonly zone_id: string;
  readonly branch: string;
  readonly path: string;
  readonly version: number;
}
export type PlacesOf = (tx: Tx, blob_id: number, limit: number) => Promise<Place[]>;

const place = z.object({ zone_id: z.string(), branch: z.string(), path: z.string(), version: z.number() });
const status = z.object({
  running: z.boolean().describe('a round has begun and is not over'),
  began_at: z.string().nullable(),
  ends_by: z.string().nullable().describe('by when all are to have been read'),
  ended_at: z.string().nullable(),
  last_ended_at: z.string().nullable().describe('of the last round that is over'),
  contents: z.number().describe('read in this round'),
  bytes: z.number(),
  share: z.number().describe('of this round, 0 to 1'),
  damaged_count: z.number(),
  damaged: z
    .array(
      z.object({
        sha256: z.string(),
        reason: z.string(),
        size: z.number(),
        found_at: z.string(),
        files: z.array(place).describe(`versions of files that have it, at most ${PLACES_SHOWN}`),
      }),
    )
    .describe(`the oldest ${DAMAGES_SHOWN} of them`),
});
export type CheckStatus = z.infer<typeof status>;

const time = (ms: number | null | undefined): string | null => (ms === null || ms === undefined ? null : isoTime(ms));

async function shareOf(tx: Tx, round: RoundRow | undefined): Promise<number> {
  if (!round) return 0;
  if (round.ended !== null) return 1;
  const newest = await newestContent(tx);
  return newest === 0 ? 1 : Math.min(1, round.last_id / newest);
}

const begun = z.object({ began_at: z.string().describe('how far it is, content.status says') });

const check: Operation<Record<string, never>, z.infer<typeof begun>> = {
  ...WHO,
  name: 'content.check',
  summary: 'Read all stored contents again now.',
  effect: 'write',
  input: z.object({}),
  output: begun,
  faults: [],
  http: { method: 'POST', path: '/api/v2/contents/check', status: 202 },
  cli: { words: 'content check' },
  rings: () => HOUSEWORK,
  run: async (call) => {
    const now = await queueTime(call);
    const before = await findRound(call.tx);
    // One that was asked for already is not begun again.
    const asked = before !== undefined && before.ended === null && before.ends_by <= now;
    const round = asked ? before : newRound(now, now, before);
    if (!asked) await saveRound(call.tx, round);
    if ((await listUnfinished(call.tx, CONTENT_CHECK)).length === 0)
      await enqueueHousework(call, { type: CONTENT_CHECK });
    return { began_at: isoTime(round.began) };
  },
};

export function contentCheckOperations(references: readonly Reference[], placesOf: PlacesOf) {
  const statusOf = async ({ tx }: Pick<Call, 'tx'>): Promise<CheckStatus> => {
    const round = await findRound(tx);
    const damaged = [];
    for (const { blob_id, inline: _inline, found_at, ...row } of await listDamages(tx, references, DAMAGES_SHOWN)) {
      damaged.push({ ...row, found_at: isoTime(found_at), files: await placesOf(tx, blob_id, PLACES_SHOWN) });
    }
    return {
      running: round !== undefined && round.ended === null,
      began_at: time(round?.began),
      ends_by: time(round?.ends_by),
      ended_at: time(round?.ended),
      last_ended_at: time(round?.ended ?? round?.last_ended),
      contents: round?.contents ?? 0,
      bytes: round?.bytes ?? 0,
      share: await shareOf(tx, round),
      damaged_count: await countDamages(tx, references),
      damaged,
    };
  };

  const show: Operation<Record<string, never>, CheckStatus> = {
    ...WHO,
    name: 'content.status',
    summary: 'Say how far stored contents have been read again, and which are damaged.',
    effect: 'read',
    input: z.object({}),
    output: status,
    faults: [],
    http: { method: 'GET', path: '/api/v2/contents/check' },
    cli: { words: 'content status' },
    run: statusOf,
  };

  return [show, check] as const;
}
