/**
 * What is kept of a database before its schema changes: of an embedded one a copy, of PostgreSQL a backup (back-up.ts).
 * Guarantees: a whole copy is on the disk before the first migration runs, or nothing changes; no more copies stay than are
 * wanted, the newest.
 */
import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isoTime } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import { type Config, sqliteFileOf } from '../../config.ts';
import { systemClock } from '../../engines/process/system-clock.ts';
import { copyDatabase, syncName } from '../../engines/sqlite/copy.ts';
import { lastEnds } from '../../features/backups/runs.sql.ts';
import type { Sql } from '../../ports/sql.ts';

const NAME = /^(.+)-before-(\d+)-from-(\d+)-(\d{8}T\d{6})\.db$/;

interface Versions {
  readonly from: number;
  readonly to: number;
}

/** Beside the database, named by what it is a copy of, the schema it has, the one that comes, and when it was made. */
export async function keepBefore(config: Config, { from, to }: Versions, log: Log): Promise<void> {
  const file = sqliteFileOf(config);
  const most = config.MIGRATION_COPIES;
  if (file === undefined || most === 0 || from === 0) return;
  const folder = join(dirname(file), 'before-migration');
  const at = new Date(systemClock.now()).toISOString().replace(/[-:]|\..*$/g, '');
  const copy = join(folder, `${basename(file, '.db')}-before-${to}-from-${from}-${at}.db`);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    for (const half of halves(folder)) rmSync(join(folder, half), { force: true });
    await copyDatabase(file, `${copy}.part`);
    renameSync(`${copy}.part`, copy);
    syncName(copy);
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new Error(
      `The database could not be copied before its schema changes (${why}): make room in ${folder}, or set NEXUS_MIGRATION_COPIES=0`,
    );
  }
  log('info', 'schema.kept', { file: copy });
  for (const old of kept(folder).slice(0, -most)) rmSync(join(folder, old), { force: true });
}

/** Where none is made, it is said how old the newest good backup is, which is what one could go back to. */
export async function tellBackup(sql: Sql, log: Log): Promise<void> {
  // An older schema has no table of them.
  const { succeeded } = await sql.read(lastEnds).catch(() => ({ succeeded: null }));
  log('warn', 'schema.unkept', { backup_at: succeeded === null ? 'never' : isoTime(succeeded) });
}

/** What a start that was cut short has left. */
const halves = (folder: string): string[] => readdirSync(folder).filter((name) => name.endsWith('.db.part'));

/** Oldest first. */
const kept = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => NAME.test(name))
    .sort((a, b) => madeAt(a).localeCompare(madeAt(b)));

const madeAt = (name: string): string => NAME.exec(name)?.[4] ?? '';
