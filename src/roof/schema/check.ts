/**
 * Is the database what its migrations make (infrastructure.md §14)? They are run again where nothing else is, and the two
 * are compared: tables, columns, indexes. Guarantees: the database itself is left as it was.
 */
import type { Config } from '../../config.ts';
import type { Sql } from '../../ports/sql.ts';
import { LEDGER, type Migration, schemaState } from '../migrations.ts';
import { withEmptySql } from '../offline.ts';
import { type Part, shapeOf } from './shape.ts';

export interface Difference {
  /** Of what a migration that was not applied yet would make, nothing is said. */
  readonly problem: 'pending' | 'missing' | 'unexpected' | 'different';
  readonly kind: 'migration' | Part['kind'];
  readonly name: string;
  /** What the migrations make; null: no such thing. */
  readonly wanted: string | null;
  readonly found: string | null;
}

export async function checkSchema(config: Config, sql: Sql): Promise<Difference[]> {
  const { applied, done, pending } = await schemaState(sql);
  const found = await sql.read(shapeOf);
  const wanted = applied === 0 ? [] : await expectedShape(config, sql, done);
  return [...pending.map(toPending), ...differencesOf(wanted, found)];
}

const toPending = ({ name }: Migration): Difference => ({
  problem: 'pending',
  kind: 'migration',
  name,
  wanted: null,
  found: null,
});

const scriptsOf = (migrations: readonly Migration[]): string[] => [
  LEDGER,
  ...migrations.map(({ statements }) => statements),
];

const expectedShape = (config: Config, sql: Sql, migrations: readonly Migration[]): Promise<readonly Part[]> =>
  sql.dialect.name === 'sqlite' ? inNewFile(config, scriptsOf(migrations)) : inNewSchema(sql, scriptsOf(migrations));

const inNewFile = (config: Config, scripts: readonly string[]): Promise<readonly Part[]> =>
  withEmptySql(config, async (fresh) => {
    for (const script of scripts) await fresh.migrate(script, async () => true);
    return fresh.read(shapeOf);
  });

/** Thrown to end a transaction of which nothing is to stay. */
class Undone extends Error {}

/** A schema of its own, in a transaction that is rolled back. */
async function inNewSchema(sql: Sql, scripts: readonly string[]): Promise<readonly Part[]> {
  let shape: readonly Part[] = [];
  const building = sql.write('schema check', async (tx) => {
    await tx.run('CREATE SCHEMA nexus_expected');
    await tx.get("SELECT set_config('search_path', 'nexus_expected, ' || current_setting('search_path'), true)");
    for (const script of scripts) {
      // Several statements, of which a transaction takes one at a time.
      await tx.get("SELECT set_config('nexus.script', ?, true)", [script]);
      await tx.run("DO $do$ BEGIN EXECUTE current_setting('nexus.script'); END $do$");
    }
    shape = await shapeOf(tx);
    throw new Undone();
  });
  await building.catch((thrown: unknown) => {
    if (!(thrown instanceof Undone)) throw thrown;
  });
  return shape;
}

/** By kind and name. Of a table that only one side has, its columns and indexes are not told. */
function differencesOf(wanted: readonly Part[], found: readonly Part[]): Difference[] {
  const [there, here] = [byKey(wanted), byKey(found)];
  const all = new Map([...here, ...there]);
  const whole = (part: Part): boolean => {
    const table = `table ${part.table}`;
    return part.kind === 'table' || (there.has(table) && here.has(table));
  };
  return [...all]
    .filter(([key, part]) => whole(part) && there.get(key)?.is !== here.get(key)?.is)
    .map(([key, { kind, name }]) => {
      const [want, have] = [there.get(key)?.is ?? null, here.get(key)?.is ?? null];
      const problem = have === null ? 'missing' : want === null ? 'unexpected' : 'different';
      return { problem, kind, name, wanted: want, found: have } as const;
    })
    .sort((a, b) => (`${a.name} ${a.kind}` < `${b.name} ${b.kind}` ? -1 : 1));
}

const byKey = (parts: readonly Part[]): Map<string, Part> =>
  new Map(parts.map((part) => [`${part.kind} ${part.name}`, part]));
