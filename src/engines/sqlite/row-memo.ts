/**
 * Rows that a reading connection was given since the database last changed. Guarantees: what is remembered is what the
 * statement would give now, because SQLite's own data version is asked in each new snapshot and any commit, of whatever
 * process, forgets everything; memory is bounded. A row is frozen: it is given to several calls.
 *
 * It serves what is asked again and again between two changes: the row of the zone, a file that many read.
 */
import type { SqlValue } from '../../ports/sql.ts';

/** Bytes of texts and contents that are remembered, and of the largest row among them. */
const ROWS_BYTES = 4 * 1024 * 1024;
const ROW_BYTES = 64 * 1024;
/** What a row takes beside its texts and contents, roughly. */
const ROW_OVERHEAD_BYTES = 512;

type Row = Readonly<Record<string, unknown>>;

export class RowMemo {
  private version = -1;
  private bytes = 0;
  /** By the text of the statement, then by its parameters as JSON. */
  private readonly rows = new Map<string, Map<string, Row | undefined>>();

  /** To be told the data version of each snapshot before its first statement. */
  enter(version: number): void {
    if (version !== this.version) this.forget();
    this.version = version;
  }

  /** The first row of a statement, read unless it is known. */
  get(sql: string, params: readonly SqlValue[], read: () => Row | undefined): Row | undefined {
    if (params.some((value) => value instanceof Uint8Array)) return read();
    const known = this.rowsOf(sql);
    const key = JSON.stringify(params);
    const found = known.get(key);
    if (found !== undefined || known.has(key)) return found;
    const row = read();
    const size = key.length + bytesOf(row);
    if (size > ROW_BYTES) return row;
    if (this.bytes + size > ROWS_BYTES) this.forget();
    this.bytes += size;
    known.set(key, row && Object.freeze(row));
    return row;
  }

  private rowsOf(sql: string): Map<string, Row | undefined> {
    const known = this.rows.get(sql);
    if (known) return known;
    const made = new Map<string, Row | undefined>();
    this.rows.set(sql, made);
    return made;
  }

  private forget(): void {
    if (this.bytes === 0) return;
    for (const known of this.rows.values()) known.clear();
    this.bytes = 0;
  }
}

function bytesOf(row: Row | undefined): number {
  let bytes = ROW_OVERHEAD_BYTES;
  for (const name in row) {
    const value = row[name];
    if (typeof value === 'string') bytes += 2 * value.length;
    else if (value instanceof Uint8Array) bytes += value.byteLength;
  }
  return bytes;
}
