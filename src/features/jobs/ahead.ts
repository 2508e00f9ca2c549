/**
 * What a write of the queue is going to look up, asked while the row of its zone is under way: where statements are answered
 * in order, as on PostgreSQL, that saves the time of an answer. Guarantees: what was asked ahead is of the same transaction,
 * behind the lock of its lane; whoever finds nothing asked looks it up. What is only to be checked is not asked where a
 * transaction may suppose it.
 */
import type { Offer } from '../../core/call/job-hands.ts';
import type { CallContext } from '../../core/operation.ts';
import type { Tx } from '../../ports/sql.ts';
import { type CredentialRow, findCredentialById } from '../access/keys.sql.ts';
import { listDueHere, noneDueHere } from './claims.sql.ts';
import type { JobDoor } from './job.ts';
import { type JobCounts, readCounts } from './jobs.sql.ts';
import type { Tally } from './tally.ts';

interface Lookups {
  /** Of the zone. */
  counts?: Promise<JobCounts> | undefined;
  /** Whether a job is due, for an offer. */
  due?: ReturnType<typeof listDueHere> | undefined;
  readonly keys: Map<string, Promise<CredentialRow | undefined>>;
}

const asked = new WeakMap<Tx, Lookups>();

/** For a job that this caller queues. The time is known before the first answer only where asking ahead saves something. */
export function askForJob(tx: Tx, offer: Offer | undefined, { zone_id }: Pick<CallContext, 'zone_id'>): void {
  const now = tx.time;
  if (now === undefined || tx.supposing) return;
  const lookups = lookupsOf(tx);
  lookups.counts = quietly(readCounts(tx, zone_id));
  if (offer) lookups.due = quietly(listDueHere(tx, { now, limit: 1, without: offer.without }));
}

/** The keys of those who submitted jobs. */
export function askForKeys(tx: Tx, key_ids: Iterable<string | null>): void {
  if (tx.time === undefined) return;
  const { keys } = lookupsOf(tx);
  for (const key_id of new Set(key_ids)) if (key_id !== null) keys.set(key_id, quietly(findCredentialById(tx, key_id)));
}

function lookupsOf(tx: Tx): Lookups {
  const known = asked.get(tx) ?? { keys: new Map() };
  asked.set(tx, known);
  return known;
}

/** The counts of the zone and whether a job is due, once: what is queued changes them. */
export function takeAhead(tx: Tx): Pick<Lookups, 'counts' | 'due'> {
  const { keys, ...once } = asked.get(tx) ?? {};
  if (keys) asked.set(tx, { keys });
  return once;
}

interface Coming {
  readonly door: JobDoor;
  readonly offer?: Offer | undefined;
  readonly now: number;
}

interface There {
  /** Undefined where nothing is to be checked any more. */
  readonly room: { check(): void } | undefined;
  /** No other job of executor `nexus` is due before it. */
  readonly isFirst: boolean;
}

/** Whether a job fits, and, where it has an offer, whether others come first; or the call supposes both. */
export async function whatIsThere(tx: Tx, tally: Tally, { door, offer, now }: Coming): Promise<There> {
  const counted = door !== 'house';
  if (tx.supposing) {
    if (counted) tally.supposeRoom(offer && noneDueHere(tx, { now, without: offer.without }));
    return { room: undefined, isFirst: counted };
  }
  const { counts, due } = takeAhead(tx);
  // What does not depend on each other goes out together: on PostgreSQL that is one round trip.
  const [room, before] = await Promise.all([
    counted ? tally.room(counts) : undefined,
    offer && (due ?? listDueHere(tx, { now, limit: 1, without: offer.without })),
  ]);
  return { room, isFirst: before?.length === 0 };
}

export const findKey = (tx: Tx, key_id: string): Promise<CredentialRow | undefined> =>
  asked.get(tx)?.keys.get(key_id) ?? findCredentialById(tx, key_id);

/** What fails fails its transaction too, and whoever waits for it. */
function quietly<T>(answer: Promise<T>): Promise<T> {
  answer.catch(() => undefined);
  return answer;
}
