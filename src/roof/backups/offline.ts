/** Dumps and backups without a server: for commands that work on the database and the backups of a configuration. */
import type { Config } from '../../config.ts';
import { type DumpFigures, type DumpSink, dump } from '../../features/backups/dump.ts';
import { openThreadSql } from '../engines.ts';
import { stateOf } from './state.ts';

/** Writes nothing to the database, which a server may use meanwhile. */
export async function dumpDatabase(config: Config, write: DumpSink['write']): Promise<DumpFigures> {
  const sql = await openThreadSql(config, 'reader', () => undefined);
  try {
    return await dump(sql, stateOf, { write });
  } finally {
    await sql.close();
  }
}
