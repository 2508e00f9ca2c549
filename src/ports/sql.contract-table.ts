/** The table `things` that the suites of the SQL port work on, made anew for each engine. */
import type { Sql, Tx } from './sql.ts';

export const LANE = 'lane';

export const add = (tx: Tx, id: string, n = 0): Promise<number> =>
  tx.run('INSERT INTO things (id, n) VALUES (?, ?)', [id, n]);

export async function ids(sql: Sql): Promise<string[]> {
  const rows = await sql.read((tx) => tx.all<{ id: string }>('SELECT id FROM things ORDER BY id'));
  return rows.map(({ id }) => id);
}

export const count = async (tx: Tx): Promise<number> =>
  (await tx.get<{ n: number }>('SELECT COUNT(*) AS n FROM things'))?.n ?? -1;
