/** `nexus migrate`: brings the schema up to date, or says how far it is from that. */
import type { Log, LogFields } from '../../../base/log.ts';
import type { Config } from '../../../config.ts';
import type { Sql } from '../../../ports/sql.ts';
import type { Command } from '../command.ts';
import { startPhases } from '../shell/bar.ts';
import { show } from '../show.ts';
import type { Terminal } from '../terminal.ts';
import { EXIT_CONFIG, load, sayWarnings } from './load.ts';

export const runMigrate: Command['run'] = async ({ terminal }, typed) => {
  const loaded = load(terminal, typed);
  if (!loaded) return EXIT_CONFIG;
  sayWarnings(loaded, terminal);
  const { config } = loaded;
  const { absence, withEmptySql, withSql } = await import('../../../roof/offline.ts');
  const { status, check, json } = typed.options;
  if (!status && !check) return withSql(config, (sql) => migrateNow(terminal, sql, config));
  const absent = absence(config);
  if (absent) terminal.err(`warning: ${absent}\n`);
  const look = absent ? withEmptySql : withSql;
  return look(config, async (sql) => {
    const listed = status === true ? await list(sql) : undefined;
    if (check) return checkNow(terminal, { sql, config, json: json === true, listed });
    show(terminal, listed);
    return 0;
  });
};

/** What there is to apply and what was applied, oldest first. */
async function list(sql: Sql): Promise<readonly object[]> {
  const { listMigrations } = await import('../../../roof/migrations.ts');
  return listMigrations(sql);
}

interface Checking {
  readonly sql: Sql;
  readonly config: Config;
  readonly json: boolean;
  /** The migrations, where they are asked for too. */
  readonly listed: readonly object[] | undefined;
}

async function checkNow(terminal: Terminal, { sql, config, json, listed }: Checking): Promise<number> {
  const { checkSchema } = await import('../../../roof/schema/check.ts');
  const differences = await checkSchema(config, sql);
  const ok = differences.length === 0;
  // A table for people, JSON where that is asked for, else a line for each; beside the list one object says both.
  const whole = json || (listed && terminal.json);
  if (listed && !whole) show(terminal, listed);
  if (whole) show(terminal, { ...(listed && { migrations: listed }), ok, differences });
  else if (!terminal.json) show(terminal, differences);
  else for (const { problem, kind, name } of differences) terminal.out(`${problem}: ${kind} ${name}\n`);
  return ok ? 0 : 1;
}

async function migrateNow(terminal: Terminal, sql: Sql, config: Config): Promise<number> {
  const { schemaState } = await import('../../../roof/migrations.ts');
  const { applied, pending } = await schemaState(sql);
  const done = pending.length === 0 ? 0 : await migrateTelling(terminal, sql, config);
  terminal.out(`applied=${done} version=${pending.at(-1)?.version ?? applied}\n`);
  return 0;
}

async function migrateTelling(terminal: Terminal, sql: Sql, config: Config): Promise<number> {
  const { migrateKeeping } = await import('../../../roof/schema/settle.ts');
  // A backup takes its time; all else is over at once.
  const bar = sql.dialect.name === 'postgres' ? await startPhases(terminal) : undefined;
  const log: Log = (_level, event, fields) => {
    const said = KEPT[event]?.(fields);
    if (said === undefined) return;
    bar?.stop();
    terminal.err(`${said}\n`);
  };
  return migrateKeeping(sql, config, { log, far: bar?.tell }).finally(bar?.stop);
}

/** What there is to go back to, by the events that tell of it. */
const KEPT: Readonly<Record<string, (fields: LogFields) => string>> = {
  'schema.kept': ({ file }) => `the database as it was: ${file}`,
  'schema.backed_up': ({ backup, file }) => `the database as it was: backup ${backup} at ${file}`,
  'schema.waits': () => 'waiting: another backup is made, or another node migrates',
  'schema.unkept': ({ backup_at }) => `no backup is made before; the newest good one: ${backup_at}`,
};
