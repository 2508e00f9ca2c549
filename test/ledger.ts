/** What the rows of a zone say beside the answers: its events, its usage counted again, how many statements a call took. */
import type { TestServer } from './harness.ts';

export interface LoggedEvent {
  readonly seq: number;
  readonly type: string;
  readonly path: string;
  readonly old_path: string | null;
  readonly branch: string | null;
  readonly request_id: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Events of a zone after a sequence number, oldest first. */
export async function eventsAfter(server: Pick<TestServer, 'sql'>, seq: number, zone = 'root'): Promise<LoggedEvent[]> {
  const rows = await server.sql.read((tx) =>
    tx.all<LoggedEvent & { data: string }>(
      'SELECT seq, type, path, old_path, branch, request_id, data FROM events WHERE zone_id = ? AND seq > ? ORDER BY seq',
      [zone, seq],
    ),
  );
  return rows.map((row) => ({ ...row, data: JSON.parse(row.data) }));
}

/** The newest sequence number of a zone. */
export async function seqOf(server: Pick<TestServer, 'sql'>, zone = 'root'): Promise<number> {
  const row = await server.sql.read((tx) => tx.get<{ seq: number }>('SELECT seq FROM zones WHERE zone_id = ?', [zone]));
  return row?.seq ?? 0;
}

export interface Usage {
  readonly files: number;
  readonly bytes: number;
  readonly tuples: number;
}

/** What the zone's counters say, and the same counted from the rows. */
export async function usageOf(
  server: Pick<TestServer, 'sql'>,
  zone = 'root',
): Promise<{ counted: Usage; real: Usage }> {
  const counted = await server.sql.read((tx) =>
    tx.get<Usage>(
      'SELECT used_files AS files, used_storage_bytes AS bytes, used_tuples AS tuples FROM zones WHERE zone_id = ?',
      [zone],
    ),
  );
  const real = await server.sql.read((tx) =>
    tx.get<Usage>(
      `SELECT COUNT(*) AS files, COALESCE(SUM(size), 0) AS bytes,
         (SELECT COUNT(*) FROM tuples WHERE zone_id = ?) AS tuples
       FROM file_states WHERE zone_id = ? AND kind = 'f' AND ended = ${Number.MAX_SAFE_INTEGER}`,
      [zone, zone],
    ),
  );
  if (!counted || !real) throw new Error(`no zone ${zone}`);
  return { counted: { ...counted }, real: { ...real } };
}
