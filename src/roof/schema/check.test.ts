/** A database that its migrations made is found to be that; each thing that somebody changed by hand is named. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { forEachEngine, startTestServer, type TestServer } from '../../../test/harness.ts';
import { readMigrations } from '../migrations.ts';
import { checkSchema } from './check.ts';

const FACT = 'zone_id, subject_type, subject_id, subject_relation, relation, object_type, object_id, subject_zone_id';
const index = (name: string, rest: string): string => `DROP INDEX ${name}; CREATE INDEX ${name} ON ${rest}`;

forEachEngine('the schema', (engine) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ engine });
    await server.ok('write', { path: '/a', content: 'something that can be searched' });
  });
  afterAll(() => server.stop());

  const change = (statements: string) => server.sql.migrate(statements, async () => true);
  const problems = async () =>
    (await checkSchema(server.config, server.sql)).map(({ problem, kind, name }) => `${problem} ${kind} ${name}`);

  test('is as the migrations make it, with rows in it, and stays so when it is looked at', async () => {
    expect([await problems(), await problems()]).toEqual([[], []]);
    await server.sql.write('root', (tx) => tx.run('DELETE FROM migrations WHERE version > 2'));
    const behind = await problems();
    const gone = readMigrations(server.sql.dialect).filter(({ version }) => version > 2);
    expect(behind.slice(0, gone.length)).toEqual(gone.map(({ name }) => `pending migration ${name}`));
    expect(behind).toContain('unexpected table tree_plans');
    for (const { version, name } of gone) {
      const row = [version, name];
      await server.sql.write('root', (tx) => tx.run('INSERT INTO migrations (version, name) VALUES (?, ?)', row));
    }
  });

  test.each([
    {
      by: 'DROP INDEX keys_by_subject',
      undo: 'CREATE INDEX keys_by_subject ON keys (zone_id, subject_type, subject_id)',
      are: ['missing index keys_by_subject'],
    },
    { by: 'CREATE INDEX mine ON keys (name)', undo: 'DROP INDEX mine', are: ['unexpected index mine'] },
    {
      by: 'CREATE TABLE mine (id TEXT PRIMARY KEY)',
      undo: 'DROP TABLE mine',
      are: ['unexpected table mine'],
    },
    {
      by: 'ALTER TABLE settings RENAME TO mine',
      undo: 'ALTER TABLE mine RENAME TO settings',
      are: ['unexpected table mine', 'missing table settings'],
    },
    {
      by: 'ALTER TABLE workers ADD COLUMN mine BIGINT',
      undo: 'ALTER TABLE workers DROP COLUMN mine',
      are: ['unexpected column workers.mine'],
    },
    {
      by: index('tuples_by_object', 'tuples (zone_id, object_type)'),
      undo: index('tuples_by_object', 'tuples (zone_id, object_type, object_id)'),
      are: ['different index tuples_by_object'],
    },
    {
      by: index('tuples_fact', `tuples (${FACT})`),
      undo: index('tuples_fact', `tuples (${FACT})`).replace('CREATE', 'CREATE UNIQUE'),
      are: ['different index tuples_fact'],
    },
    {
      by: index('zones_terminating', "zones (zone_id) WHERE phase = 'Active'"),
      undo: index('zones_terminating', "zones (zone_id) WHERE phase = 'Terminating'"),
      are: ['different index zones_terminating'],
    },
    {
      by: "ALTER TABLE workers DROP COLUMN beat_at; ALTER TABLE workers ADD COLUMN beat_at TEXT NOT NULL DEFAULT ''",
      undo: 'ALTER TABLE workers DROP COLUMN beat_at; ALTER TABLE workers ADD COLUMN beat_at BIGINT NOT NULL DEFAULT 0',
      are: ['different column workers.beat_at'],
      // The default stays: no database can take a column without one into a table that may have rows.
      left: ['different column workers.beat_at'],
    },
  ])('$are after $by', async ({ by, undo, are, left = [] }) => {
    await change(by);
    expect(await problems()).toEqual(are);
    await change(undo);
    expect(await problems()).toEqual(left);
  });
});
