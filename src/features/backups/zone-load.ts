/**
 * The rows of an exported zone are put in. Guarantees: it is one transaction, into a zone that is new or as it was made; no
 * row is of another zone; tables and columns are those that are known here. What belongs to the whole database and is taken
 * stays as it is: such a key is left out, and a tuple or schedule gets another id.
 */
import { Fault } from '../../base/faults.ts';
import { isUuid, newId, newUuid } from '../../base/ids.ts';
import { parseJson } from '../../base/parse-json.ts';
import type { BlobSource } from '../../ports/blobs.ts';
import type { SqlValue, Tx } from '../../ports/sql.ts';
import type { DumpRow, State, StateTable } from './dump.ts';
import { linesOf } from './lines.ts';
import { insertNow } from './load.sql.ts';
import { damagedExport } from './zone-read.ts';
import { isZoneColumn, zoneState } from './zone-tables.ts';

export interface ZoneLoading {
  /** Lines of the dump of a zone. */
  readonly rows: BlobSource;
  /** Under which it was exported, and is to be from now on. */
  readonly from: string;
  readonly zone_id: string;
  readonly stateOf: (tx: Tx) => Promise<State>;
  readonly now: number;
}

export interface ZoneLoaded {
  readonly rows: number;
  /** Keys that there are already: a key is of one zone. */
  readonly keys_left_out: number;
}

export async function loadZone(tx: Tx, loading: ZoneLoading): Promise<ZoneLoaded> {
  const { zone_id, now, from } = loading;
  await requireRoom(tx, zone_id);
  const { schema, tables } = zoneState(await loading.stateOf(tx), from);
  const known = new Map(tables.map((table) => [table.name, table]));
  const loader = new ZoneLoader(tx, { zone_id, now, from });
  for await (const lines of linesOf(loading.rows.read(0, loading.rows.size))) {
    for (const line of lines) {
      const value = parseJson(line) as DumpRow | ZoneLine;
      if (Array.isArray(value)) loader.add(value as DumpRow);
      else await loader.begin(value as ZoneLine, { known, schema });
    }
    await loader.flush();
  }
  if (loader.left > 0) {
    await tx.run(
      'UPDATE zones SET used_keys = (SELECT COUNT(*) FROM keys WHERE zone_id = ? AND revoked_at IS NULL) WHERE zone_id = ?',
      [zone_id, zone_id],
    );
  }
  return { rows: loader.rows, keys_left_out: loader.left };
}

/** ALREADY_EXISTS unless nothing has ever happened in the zone, so that nobody remembers anything of it. */
async function requireRoom(tx: Tx, zone_id: string): Promise<void> {
  const row = await tx.get(`SELECT zone_id FROM zones WHERE zone_id = ?${tx.dialect.forUpdate}`, [zone_id]);
  const emptied = await tx.run(
    `DELETE FROM zones WHERE zone_id = ? AND phase = 'Active' AND seq = 0 AND access_revision = 1 AND used_files = 0
       AND used_keys = 0 AND used_tuples = 0 AND audit_seq = 0`,
    [zone_id],
  );
  if (!row || emptied === 1) return;
  throw new Fault('ALREADY_EXISTS', `Zone ${zone_id} exists and is not new; import under another id: --zone NEW`, {
    zone_id,
  });
}

interface ZoneLine {
  readonly nexus_dump?: number;
  readonly schema?: number;
  readonly table?: string;
  readonly columns?: readonly string[];
  readonly rows?: number;
}

interface Here {
  readonly known: ReadonlyMap<string, StateTable>;
  readonly schema: number;
}

/** Columns of a zone's row that no dump has. */
const AUDIT = ['audit_seq', 'audit_hash'];

class ZoneLoader {
  rows = 0;
  left = 0;
  readonly #tx: Tx;
  readonly #as: Pick<ZoneLoading, 'zone_id' | 'from' | 'now'>;
  #table = '';
  #contents: readonly string[] = [];
  #columns: readonly string[] = [];
  #waiting: DumpRow[] = [];

  constructor(tx: Tx, as: Pick<ZoneLoading, 'zone_id' | 'from' | 'now'>) {
    this.#tx = tx;
    this.#as = as;
  }

  add(row: DumpRow): void {
    if (row.length !== this.#columns.length) throw damagedExport('a row');
    this.#waiting.push(row);
  }

  async begin({ schema = 0, table, columns = [] }: ZoneLine, { known, schema: own }: Here): Promise<void> {
    await this.flush();
    if (schema > own) {
      throw new Fault(
        'CONFLICT',
        `The export has tables of version ${schema}, this one knows ${own}: run a newer nexus`,
      );
    }
    if (table === undefined) return;
    const here = known.get(table);
    const strange = columns.find((column) => !here?.columns.includes(column));
    if (!here || strange !== undefined) throw damagedExport(`the table ${table} has something that is not known here`);
    this.#table = table;
    this.#contents = here.contents;
    this.#columns = columns;
  }

  async flush(): Promise<void> {
    const found = this.#waiting;
    this.#waiting = [];
    if (found.length === 0) return;
    const rows = await this.#settled(found.map((row) => this.#renamed(row)));
    const more = this.#table === 'zones' ? AUDIT : [];
    await insertNow(
      this.#tx,
      { into: this.#table, columns: [...this.#columns, ...more] },
      more.length > 0 ? rows.map((row) => [...row, 0, '']) : rows,
    );
    this.rows += rows.length;
  }

  #renamed(row: DumpRow): SqlValue[] {
    return row.map((value, at) => {
      const column = this.#columns[at] ?? '';
      if (!isZoneColumn(column)) return value;
      if (column === 'zone_id' && value !== this.#as.from) throw damagedExport('a row of another zone');
      return value === this.#as.from ? this.#as.zone_id : value;
    });
  }

  #settled(rows: SqlValue[][]): Promise<SqlValue[][]> | SqlValue[][] {
    if (this.#contents.length > 0) return this.#numbered(rows);
    if (this.#table === 'keys') return this.#newKeys(rows);
    if (this.#table === 'tuples') return this.#withIds(rows, 'tuple_id');
    return this.#table === 'schedules' ? this.#withIds(rows, 'schedule_id') : rows;
  }

  /** Contents by their numbers here. They are touched, so that none is collected before the end. */
  async #numbered(rows: SqlValue[][]): Promise<SqlValue[][]> {
    const places = this.#contents.map((column) => this.#columns.indexOf(column)).filter((at) => at >= 0);
    const hashes = [...new Set(rows.flatMap((row) => places.map((at) => row[at])).filter((hash) => hash !== null))];
    const found = await this.#tx.all<{ blob_id: number; sha256: string }>(
      `UPDATE blobs SET touched_at = ? WHERE sha256 IN (SELECT value FROM ${this.#tx.dialect.textsOf}) RETURNING blob_id, sha256`,
      [this.#as.now, JSON.stringify(hashes)],
    );
    const numbers = new Map(found.map(({ blob_id, sha256 }) => [sha256, blob_id]));
    for (const row of rows) {
      for (const at of places) {
        if (row[at] === null) continue;
        const number = numbers.get(String(row[at]));
        if (number === undefined) throw damagedExport(`the content ${row[at]} is missing`);
        row[at] = number;
      }
    }
    return rows;
  }

  async #newKeys(rows: SqlValue[][]): Promise<SqlValue[][]> {
    const ids = await this.#taken(rows, 'key_id');
    const hashes = await this.#taken(rows, 'hash');
    const [id, hash] = [this.#columns.indexOf('key_id'), this.#columns.indexOf('hash')];
    const fresh = rows.filter((row) => !ids.has(String(row[id])) && !hashes.has(String(row[hash])));
    this.left += rows.length - fresh.length;
    return fresh;
  }

  async #withIds(rows: SqlValue[][], column: string): Promise<SqlValue[][]> {
    const taken = await this.#taken(rows, column);
    const at = this.#columns.indexOf(column);
    for (const row of rows) {
      const id = String(row[at]);
      if (taken.has(id)) row[at] = isUuid(id) ? newUuid(this.#as.now) : newId(id.replace(/-.*$/, ''));
    }
    return rows;
  }

  async #taken(rows: readonly SqlValue[][], column: string): Promise<Set<string>> {
    const at = this.#columns.indexOf(column);
    const found = await this.#tx.all<{ id: string }>(
      `SELECT ${column} AS id FROM ${this.#table} WHERE ${column} IN (SELECT value FROM ${this.#tx.dialect.textsOf})`,
      [JSON.stringify(rows.map((row) => row[at]))],
    );
    return new Set(found.map(({ id }) => id));
  }
}
