/** `nexus migrate`: brings the schema up to date, or says how far it is from that. */
import type { Log, LogFields } from '../../../base/log.ts';
import type { Config } from '../../../config.ts';
import type { Sql } from '../../../ports/sql.ts';
import type { Command } from '../command.ts';
import { startPhases } from '../shell/bar.ts';
import { show } from '../show.ts';
import type { Terminal } from '../terminal.ts';
import { EXIT_CONFIG, load, sayWarnings } from './load.ts';

export const runMigrate: Command['run'] = async (scene, typed) => {
  const loaded = load(scene.terminal, typed);
  if (!loaded) return EXIT_CONFIG;
  sayWarnings(loaded, scene.terminal);
  const { assertDatabase, withSql } = await import('../../../roof/offline.ts');
  const { appliedVersion, isNewerAndFit, readMigrations, schemaState } = await import('../../../roof/migrations.ts');
  if (typed.options.status || typed.options.check) assertDatabase(loaded.config);
  return withSql(loaded.config, async (sql) => {
    // The start of a node of the release before, in the middle of an upgrade: the database is as it needs it.
    if (!typed.options.status && !typed.options.check && (await isNewerAndFit(sql))) {
      scene.terminal.err('warning: the schema is that of a newer release, which this program can use\n');
      scene.terminal.out(`applied=0 version=${await appliedVersion(sql)}\n`);
      return 0;
    }
    const { applied, pending } = await schemaState(sql);
    if (typed.options.status) {
      const rows = readMigrations(sql.dialect).map((one) => ({
        version: one.version,
        name: one.name,
        applied: one.version <= applied,
      }));
      show(scene.terminal, rows);
      return 0;
    }
    if (typed.options.check) {
      const { checkSchema } = await import('../../../roof/schema/check.ts');
      const differences = await checkSchema(loaded.config, sql);
      const ok = differences.length === 0;
      // A table for people, JSON where that is asked for, else a line for each.
      if (typed.options.json) show(scene.terminal, { ok, differences });
      else if (!scene.terminal.json) show(scene.terminal, differences);
      else for (const { problem, kind, name } of differences) scene.terminal.out(`${problem}: ${kind} ${name}\n`);
      return ok ? 0 : 1;
    }
    const done = pending.length === 0 ? 0 : await migrateTelling(scene.terminal, sql, loaded.config);
    scene.terminal.out(`applied=${done} version=${pending.at(-1)?.version ?? applied}\n`);
    return 0;
  });
};

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
