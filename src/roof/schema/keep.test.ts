/** An embedded database is copied before its schema changes: by a start and by the command, whole, and not for ever. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLog } from '../../base/log.ts';
import { loadConfig } from '../../config.ts';
import { postgresDialect } from '../../engines/postgres/transaction.ts';
import { sqliteDialect } from '../../engines/sqlite/connection.ts';
import { openThreadSql } from '../engines.ts';
import { migrate, readMigrations } from '../migrations.ts';
import { migrateKeeping } from './settle.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nexus-keep-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const copies = (): string[] =>
  readdirSync(join(directory, 'before-migration'))
    .filter((name) => name.endsWith('.db'))
    .sort();

/** Up to a version as releases before did, then as this one does. */
async function upgraded(from: number, copiesKept = 3): Promise<number> {
  const given = { NEXUS_DATA_DIR: directory, NEXUS_MIGRATION_COPIES: String(copiesKept) };
  const { config } = loadConfig({ environment: {}, given });
  const sql = await openThreadSql(config, 'writer', () => undefined);
  try {
    await migrate(sql, { upTo: from });
    return await migrateKeeping(sql, config, { log: silentLog });
  } finally {
    await sql.close();
  }
}

test('a copy is the database as it was, and a start without migrations makes none', async () => {
  expect(await upgraded(20)).toBeGreaterThan(5);
  const [copy = '', ...more] = copies();
  expect([copy, more]).toEqual([expect.stringMatching(/^nexus-before-\d+-from-20-\d{8}T\d{6}\.db$/), []]);
  const db = new DatabaseSync(join(directory, 'before-migration', copy), { readOnly: true });
  expect(db.prepare('SELECT MAX(version) AS version FROM migrations').get()).toEqual({ version: 20 });
  expect(db.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
  db.close();
  expect(await upgraded(20)).toBe(0);
  expect(copies()).toEqual([copy]);
});

test('a new database is not copied, nor one whose copies nobody wants', async () => {
  expect(await upgraded(0)).toBeGreaterThan(5);
  expect(readdirSync(directory)).not.toContain('before-migration');
  rmSync(directory, { recursive: true });
  mkdirSync(directory);
  await upgraded(20, 0);
  expect(readdirSync(directory)).not.toContain('before-migration');
});

test('the newest copies stay, and what is no copy too', async () => {
  const folder = join(directory, 'before-migration');
  mkdirSync(folder);
  const old = [1, 2, 3].map((n) => `nexus-before-${9 - n}-from-${n}-2020010${n}T000000.db`);
  for (const name of [...old, 'mine.db']) writeFileSync(join(folder, name), '');
  await upgraded(20);
  expect(copies()).toEqual(expect.arrayContaining(['mine.db', old[1], old[2], expect.stringMatching(/-from-20-/)]));
  expect(copies()).toHaveLength(4);
});

test('where it cannot be copied nothing changes, and the reason says what to do', async () => {
  writeFileSync(join(directory, 'before-migration'), 'no directory');
  await expect(upgraded(20)).rejects.toThrow(/could not be copied.*NEXUS_MIGRATION_COPIES=0/);
  const db = new DatabaseSync(join(directory, 'nexus.db'), { readOnly: true });
  expect(db.prepare('SELECT MAX(version) AS version FROM migrations').get()).toEqual({ version: 20 });
  db.close();
});

/** SQL without comments, as separate statements. */
const statementsOf = (text: string): string[] =>
  text
    .replace(/--.*$/gm, '')
    .split(';')
    .map((statement) => statement.replace(/\s+/g, ' ').trim())
    .filter((statement) => statement !== '');

/** What a program that does not know of it stumbles over. */
function takesAway(statement: string, made: ReadonlySet<string>): boolean {
  if (/^DROP (TABLE|VIEW)|\bDROP COLUMN\b|\bRENAME\b|\bALTER COLUMN\b|^TRUNCATE|\bADD CONSTRAINT\b/i.test(statement))
    return true;
  if (/\bADD COLUMN\b/i.test(statement)) return /\bNOT NULL\b/i.test(statement) && !/\bDEFAULT\b/i.test(statement);
  const unique = /^CREATE UNIQUE INDEX .* ON (\w+)/i.exec(statement);
  return unique !== null && !made.has(unique[1] ?? '');
}

function breachesOf(text: string): string[] {
  const statements = statementsOf(text);
  const made = new Set(statements.flatMap((one) => /^CREATE TABLE (?:IF NOT EXISTS )?(\w+)/i.exec(one)?.[1] ?? []));
  return statements.filter((statement) => takesAway(statement, made));
}

/** The first that may meet a program of the release before. */
const RULED = 86;

test('a migration only adds, or says which programs it leaves behind', () => {
  for (const dialect of [sqliteDialect, postgresDialect]) {
    const ruled = readMigrations(dialect).filter(({ version }) => version >= RULED);
    expect(ruled.length).toBeGreaterThan(0);
    const breaches = ruled.filter(({ needs, statements }) => needs === 0 && breachesOf(statements).length > 0);
    expect(breaches.map((one) => one.name)).toEqual([]);
  }
});

test('the newest number is the same on each engine, so that a backup of one is not too new for another', () => {
  const [sqlite, postgres] = [sqliteDialect, postgresDialect].map((dialect) => readMigrations(dialect).at(-1)?.version);
  expect(sqlite).toBe(postgres);
});

test.each([
  'DROP TABLE keys;',
  'ALTER TABLE keys DROP COLUMN name;',
  'ALTER TABLE keys RENAME TO old;',
  'ALTER TABLE keys ADD COLUMN n BIGINT NOT NULL;',
  'ALTER TABLE keys ALTER COLUMN name TYPE BIGINT;',
  'CREATE UNIQUE INDEX one ON keys (name);',
])('the rule sees %s', (statement) => {
  expect(breachesOf(`CREATE TABLE other (n BIGINT);\n${statement}`)).toHaveLength(1);
  expect(
    breachesOf('CREATE TABLE other (n BIGINT); CREATE UNIQUE INDEX two ON other (n); CREATE INDEX i ON keys (name)'),
  ).toEqual([]);
});
