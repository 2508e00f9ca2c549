/** `nexus migrate`: brings the schema up to date, or says how far it is from that. */
import type { Command } from '../command.ts';
import { show } from '../show.ts';
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
    const { migrateKeeping } = await import('../../../roof/schema/settle.ts');
    const done = await migrateKeeping(sql, loaded.config, (_level, _event, { file, backup_at }) => {
      scene.terminal.err(
        file === undefined
          ? `PostgreSQL is not copied; the newest good backup: ${backup_at}\n`
          : `the database as it was: ${file}\n`,
      );
    });
    scene.terminal.out(`applied=${done} version=${pending.at(-1)?.version ?? applied}\n`);
    return 0;
  });
};
