/**
 * Stored contents are read again, all of them in rounds of so many days, and compared with their hash. Guarantees: one
 * round in the cluster, which goes on where it was, whoever is killed when; what is told as damaged is named by some
 * state, and was read twice; each is told once, by an event, and no longer once it is whole again or nothing names it.
 */
import { hash } from 'node:crypto';
import { own } from '../../base/own-data.ts';
import type { Call, Operation } from '../../core/operation.ts';
import { queueTime } from '../jobs/clock.sql.ts';
import {
  type BlobRow,
  type Damage,
  dropDamages,
  dropUnnamedDamages,
  findRound,
  hasDamages,
  keepDamages,
  listBlobs,
  listDamages,
  namedAmong,
  newestContent,
  type RoundRow,
  saveRound,
} from './check.sql.ts';
import type { Reference } from './collect.sql.ts';

/** The type of the server's own jobs that reads them. */
export const CONTENT_CHECK = 'content_check';

const DAY_MS = 86_400_000;
/** Between two looks of a round that is in time. */
const REST_MS = 3_600_000;
/** Contents of one step: those that lie in SQL are hashed in it. */
const WINDOW = 64;
const DAMAGES_MAX = 100;

const STEP = { who: 'root admin', internal: true, faults: [] } as const;

/** Number of the content up to which a round should have come. */
function dueId({ began, ends_by }: RoundRow, newest: number, now: number): number {
  if (now >= ends_by) return newest;
  return Math.floor((newest * Math.max(0, now - began)) / (ends_by - began));
}

const wantsAnother = (round: RoundRow | undefined, now: number): boolean =>
  round === undefined || (round.ended !== null && now >= round.ends_by);

export const newRound = (now: number, ends_by: number, before: RoundRow | undefined): RoundRow => ({
  last_id: 0,
  contents: 0,
  bytes: 0,
  began: now,
  ends_by,
  next_at: now,
  ended: null,
  last_ended: before?.ended ?? before?.last_ended ?? null,
});

interface Paced {
  /** Of a round; 0: none is begun. */
  readonly days: number;
}

const due: Operation<Paced, boolean> = {
  ...STEP,
  name: 'content.due',
  summary: 'Say whether stored contents are to be read again now.',
  effect: 'read',
  input: own<Paced>(),
  output: own<boolean>(),
  run: async (call, { days }) => {
    const round = await findRound(call.tx);
    const now = await queueTime(call);
    if (wantsAnother(round, now) && days > 0) return (await newestContent(call.tx)) > 0;
    if (!round || now < round.next_at) return false;
    if (round.ended === null) return days > 0 || now >= round.ends_by;
    return hasDamages(call.tx);
  },
};

const begin: Operation<Paced, null> = {
  ...STEP,
  name: 'content.begin-check',
  summary: 'Begin a round of reading stored contents again, where the one before is over.',
  effect: 'write',
  input: own<Paced>(),
  output: own<null>(),
  run: async (call, { days }) => {
    const round = await findRound(call.tx);
    const now = await queueTime(call);
    if (wantsAnother(round, now) && days > 0) await saveRound(call.tx, newRound(now, now + days * DAY_MS, round));
    else if (round && days > 0 && round.ended === null && round.ends_by > round.began + days * DAY_MS)
      await saveRound(call.tx, { ...round, ends_by: round.began + days * DAY_MS });
    return null;
  },
};

export interface StoredContent {
  readonly sha256: string;
  readonly size: number;
}

/** What is read at a time. */
export interface CheckWindow {
  /** Number of the last one of these; null: there is nothing to do now. */
  readonly last_id: number | null;
  /** Those of the blob store. */
  readonly stored: readonly StoredContent[];
  /** Of those in SQL, which were read by this. */
  readonly contents: number;
  readonly bytes: number;
  readonly damages: readonly Damage[];
  readonly whole: readonly string[];
}

export const OTHER_BYTES = 'other bytes';
export const MISSING = 'missing';

/** By its disk, or since it is cut off. */
export const UNREADABLE = 'unreadable';

const isWhole = ({ sha256, inline }: Pick<BlobRow, 'sha256' | 'inline'>): boolean =>
  inline !== null && hash('sha256', inline) === sha256;

function windowOf(rows: readonly BlobRow[]): CheckWindow {
  const inline = rows.filter((row) => row.inline !== null);
  const { whole = [], other = [] } = Object.groupBy(inline, (row) => (isWhole(row) ? 'whole' : 'other'));
  return {
    last_id: rows.at(-1)?.blob_id ?? null,
    stored: rows.filter((row) => row.inline === null).map(({ sha256, size }) => ({ sha256, size })),
    contents: inline.length,
    bytes: inline.reduce((sum, { size }) => sum + size, 0),
    damages: other.map(({ sha256 }) => ({ sha256, reason: OTHER_BYTES })),
    whole: whole.map(({ sha256 }) => sha256),
  };
}

/** Nothing where the round is in time, or at its end. */
const next: Operation<Record<string, never>, CheckWindow> = {
  ...STEP,
  name: 'content.next-checked',
  summary: 'Read the next small contents of a round again, and name the large ones.',
  effect: 'read',
  heavy: true,
  input: own<Record<string, never>>(),
  output: own<CheckWindow>(),
  run: async (call) => {
    const round = await findRound(call.tx);
    if (!round || round.ended !== null) return windowOf([]);
    const newest = await newestContent(call.tx);
    if (round.last_id >= dueId(round, newest, await queueTime(call))) return windowOf([]);
    return windowOf(await listBlobs(call.tx, round.last_id, WINDOW));
  },
};

interface Checked extends Pick<CheckWindow, 'last_id' | 'contents' | 'bytes' | 'damages'> {
  /** Read, or put back: none of these is damaged any more. */
  readonly whole: readonly string[];
  /** Whoever is at it rests now. */
  readonly rests: boolean;
}

export interface CheckNews {
  readonly fresh: readonly Damage[];
  readonly mended: readonly string[];
}

/** The steps of it. */
export function contentCheckSteps(references: readonly Reference[]) {
  const known: Operation<Record<string, never>, CheckWindow> = {
    ...STEP,
    name: 'content.known-damages',
    summary: 'Read the small contents again that are known as damaged, and name the large ones.',
    effect: 'read',
    heavy: true,
    input: own<Record<string, never>>(),
    output: own<CheckWindow>(),
    run: async ({ tx }) => windowOf(await listDamages(tx, references, DAMAGES_MAX)),
  };

  const suspect: Operation<Pick<StoredContent, 'sha256'>, boolean> = {
    ...STEP,
    name: 'content.suspect',
    summary: 'Say whether some state names a content, so that its bytes have to be there.',
    effect: 'read',
    input: own<Pick<StoredContent, 'sha256'>>(),
    output: own<boolean>(),
    run: async ({ tx }, { sha256 }) => (await namedAmong(tx, references, [sha256])).length > 0,
  };

  const note: Operation<Checked, CheckNews> = {
    ...STEP,
    name: 'content.note-checked',
    summary: 'Say what came of reading contents again.',
    effect: 'write',
    input: own<Checked>(),
    output: own<CheckNews>(),
    run: async (call, news) => {
      const { tx } = call;
      const now = await queueTime(call);
      const fresh = await keepDamages(tx, references, { damages: news.damages, now });
      const mended = await dropDamages(tx, news.whole);
      if (news.rests) await dropUnnamedDamages(tx, references);
      await goOn(call, news, now);
      const event = (type: 'content.damaged' | 'content.mended', sha256: string, data: object): void => {
        call.event({ type, object: { type: 'content', id: sha256 }, data: { ...data } });
      };
      for (const { sha256, reason } of fresh) event('content.damaged', sha256, { reason });
      for (const sha256 of mended) event('content.mended', sha256, {});
      return { fresh, mended };
    },
  };

  return { due, begin, next, known, suspect, note };
}

async function goOn(call: Call, { last_id, contents, bytes, rests }: Checked, now: number): Promise<void> {
  const round = await findRound(call.tx);
  if (!round) return;
  if (round.ended !== null) {
    // What was damaged is looked at again.
    if (rests) await saveRound(call.tx, { ...round, next_at: now + REST_MS });
    return;
  }
  const at = Math.max(round.last_id, last_id ?? 0);
  const ended = rests && at >= (await newestContent(call.tx)) ? now : null;
  // One that is late goes on at once.
  const next_at = rests ? now + (now >= round.ends_by ? 0 : REST_MS) : round.next_at;
  await saveRound(call.tx, {
    ...round,
    last_id: at,
    contents: round.contents + contents,
    bytes: round.bytes + bytes,
    // One that was asked for is shown for a while before the next begins.
    ends_by: ended === null ? round.ends_by : Math.max(round.ends_by, now + REST_MS),
    next_at,
    ended,
  });
}
