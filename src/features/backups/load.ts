/**
 * The state becomes that of a backup. Guarantees: it is one transaction, which commits only where the dump of what it made
 * is the one that the backup names; the audit log stays, and goes on behind its newest rows; a key that was revoked after
 * the backup stays so; numbers of events go on behind the largest that was ever given out; contents that no row names any more stay known until collection has removed them.
 */

import { parseJson } from '../../base/parse-json.ts';
import type { BlobSource } from '../../ports/blobs.ts';
import type { Row, SqlValue, Tx } from '../../ports/sql.ts';
import { saveGap } from '../events/gaps.sql.ts';
import { type DumpRow, dumpIn, type State } from './dump.ts';
import { expanded, linesOf } from './lines.ts';
import {
  insertNow,
  keepStored,
  listChainEnds,
  listHeads,
  listRevoked,
  listStored,
  numberOnwards,
  removeState,
  revokeAgain,
  type StoredContent,
  skipTo,
} from './load.sql.ts';
import { type Packed, unpack } from './pack.ts';

/** A backup whose parts lie here: a transaction waits for nothing else. */
export interface Fetched {
  /** Compressed. */
  readonly dump: BlobSource;
  readonly dump_sha256: string;
  /** One pack behind the other. */
  readonly packs: BlobSource;
  readonly packBytes: readonly number[];
}

export interface Loading {
  readonly fetched: Fetched;
  readonly stateOf: (tx: Tx) => Promise<State>;
  readonly now: number;
  readonly told: (phase: string, done: number, total: number) => void;
}

/** Gives the number of rows. An Error, and nothing has changed, where what was loaded is not what was saved. */
export async function loadState(tx: Tx, loading: Loading): Promise<number> {
  const { fetched, stateOf, now, told } = loading;
  const state = await stateOf(tx);
  const [ends, revoked, stored] = [await listChainEnds(tx), await listRevoked(tx), await allStored(tx)];
  const heads = await listHeads(tx);
  await removeState(tx, state);
  const adding = addingOf(ends, packed(fetched), now);
  const rows = await insertDump(tx, { ...loading, adding });
  await keepStored(tx, stored, now);
  await numberOnwards(tx);
  told('check', rows, rows);
  const { sha256 } = await dumpIn(tx, state, { write: () => undefined });
  if (sha256 !== fetched.dump_sha256) {
    throw new Error(`what was loaded has the dump ${sha256} and not ${fetched.dump_sha256}: nothing was changed`);
  }
  for (const one of revoked) await revokeAgain(tx, one);
  // In an empty place with tables from before, nothing was given out.
  if (state.beside.has('log_gaps')) await goOnBehind(tx, new Map(heads.map(({ zone_id, seq }) => [zone_id, seq])), now);
  return rows;
}

/** Numbers of events that were given out before are given out no more, so that whoever read on from one is told. */
async function goOnBehind(tx: Tx, heads: ReadonlyMap<string, number>, restored_at: number): Promise<void> {
  for (const { zone_id, seq: kept } of await listHeads(tx)) {
    const before = heads.get(zone_id) ?? 0;
    const behind = before > kept ? before + 1 : kept;
    await saveGap(tx, { zone_id, kept, behind, restored_at });
    if (behind > kept) await skipTo(tx, zone_id, behind);
  }
}

async function allStored(tx: Tx): Promise<StoredContent[]> {
  const all: StoredContent[] = [];
  for (let page = await listStored(tx, 0); page.length > 0; page = await listStored(tx, all.at(-1)?.blob_id ?? 0)) {
    all.push(...page);
  }
  return all;
}

/** Columns that are no part of the dump, and what they get. */
interface Adding {
  readonly columns: readonly string[];
  valuesOf(row: Readonly<Record<string, SqlValue>>): Promise<readonly SqlValue[]>;
}

type AddingOf = (table: string) => Adding | undefined;

function addingOf(
  ends: Awaited<ReturnType<typeof listChainEnds>>,
  contents: AsyncGenerator<Packed>,
  now: number,
): AddingOf {
  const endOf = new Map(ends.map((end) => [end.zone_id, end]));
  let next: Promise<IteratorResult<Packed, void>> | undefined;
  const zones: Adding = {
    columns: ['audit_seq', 'audit_hash'],
    valuesOf: async ({ zone_id }) => {
      const end = endOf.get(String(zone_id));
      return [end?.audit_seq ?? 0, end?.audit_hash ?? ''];
    },
  };
  /** Packs have their contents in the order of the rows. */
  const blobs: Adding = {
    columns: ['touched_at', 'inline'],
    valuesOf: async ({ sha256 }) => {
      next ??= contents.next();
      const step = await next;
      if (step.done || step.value.sha256 !== sha256) return [now, null];
      next = undefined;
      return [now, step.value.bytes];
    },
  };
  return (table) => (table === 'zones' ? zones : table === 'blobs' ? blobs : undefined);
}

async function* packed({ packs, packBytes }: Fetched): AsyncGenerator<Packed, void> {
  let at = 0;
  for (const bytes of packBytes) {
    const pieces = [];
    for await (const piece of packs.read(at, at + bytes)) pieces.push(piece);
    at += bytes;
    yield* unpack(Buffer.concat(pieces));
  }
}

interface Head {
  readonly table?: string;
  readonly columns?: readonly string[];
}

async function insertDump(tx: Tx, { fetched, told, adding }: Loading & { readonly adding: AddingOf }): Promise<number> {
  let head: Head = {};
  let rows = 0;
  let waiting: DumpRow[] = [];
  const flush = async (): Promise<void> => {
    const { table, columns } = head;
    if (table === undefined || columns === undefined || waiting.length === 0) return;
    const more = adding(table);
    const insert = { into: table, columns: [...columns, ...(more?.columns ?? [])] };
    const full = more ? await addedTo(waiting, columns, more) : waiting;
    await insertNow(tx, insertOf(insert), full);
    rows += waiting.length;
    waiting = [];
    told('rows', rows, 0);
  };
  for await (const lines of linesOf(expanded(fetched.dump.read(0, fetched.dump.size)))) {
    for (const line of lines) {
      const value = parseJson(line) as DumpRow | Head;
      if (Array.isArray(value)) waiting.push(value as DumpRow);
      else {
        await flush();
        head = value as Head;
      }
    }
    await flush();
  }
  return rows;
}

/** One row after the other: packs are read along. */
async function addedTo(rows: readonly DumpRow[], columns: readonly string[], more: Adding): Promise<Row[]> {
  const full: Row[] = [];
  for (const row of rows) full.push([...row, ...(await more.valuesOf(named(columns, row)))]);
  return full;
}

const named = (columns: readonly string[], row: DumpRow): Record<string, SqlValue> =>
  Object.fromEntries(columns.map((column, at) => [column, row[at] ?? null]));

const kept = new Map<string, { into: string; columns: readonly string[] }>();

/** The same object for the same rows, since statement texts are kept by it. */
function insertOf(insert: { into: string; columns: readonly string[] }): { into: string; columns: readonly string[] } {
  const name = `${insert.into}(${insert.columns.join()})`;
  const known = kept.get(name) ?? insert;
  kept.set(name, known);
  return known;
}
