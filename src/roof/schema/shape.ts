/**
 * Tables, columns and indexes of a database, each as one line that says all that matters of it: two databases whose
 * shapes are equal are equal to every query. What the engine keeps for itself is left out.
 */
import type { Tx } from '../../ports/sql.ts';

export interface Part {
  readonly kind: 'table' | 'column' | 'index';
  /** `table`, `table.column` or the name of the index. */
  readonly name: string;
  readonly table: string;
  readonly is: string;
}

export const shapeOf = (tx: Tx): Promise<Part[]> =>
  tx.dialect.name === 'sqlite' ? sqliteShape(tx) : postgresShape(tx);

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim();

const words = (...parts: readonly (string | false | null)[]): string => parts.filter(Boolean).join(' ');

const SQLITE_TABLES = `(SELECT name, type, wr, strict FROM pragma_table_list
  WHERE schema = 'main' AND type <> 'view' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\') t`;

async function sqliteShape(tx: Tx): Promise<Part[]> {
  const tables = await tx.all<{ table: string; type: string; wr: number; strict: number; sql: string }>(
    `SELECT t.name AS "table", t.type, t.wr, t.strict, m.sql FROM ${SQLITE_TABLES}
     JOIN sqlite_master m ON m.type = 'table' AND m.name = t.name`,
  );
  const columns = await tx.all<SqliteColumn>(
    `SELECT t.name AS "table", c.name, c.type, c."notnull", c.dflt_value AS otherwise, c.pk, c.hidden
     FROM ${SQLITE_TABLES}, pragma_table_xinfo(t.name) c`,
  );
  const indexes = await tx.all<SqliteIndex>(
    `SELECT t.name AS "table", i.name, i."unique", m.sql,
       (SELECT group_concat(COALESCE(k.name, '(expression)') || ' ' || k.coll || CASE k."desc" WHEN 1 THEN ' DESC' ELSE '' END, ', ')
        FROM pragma_index_xinfo(i.name) k WHERE k."key" = 1) AS columns
     FROM ${SQLITE_TABLES}, pragma_index_list(t.name) i LEFT JOIN sqlite_master m ON m.type = 'index' AND m.name = i.name`,
  );
  return [
    ...tables.map(({ table, type, wr, strict, sql }) => {
      const is = type === 'virtual' ? oneLine(sql) : words(type, wr === 1 && 'WITHOUT ROWID', strict === 1 && 'STRICT');
      return { kind: 'table' as const, name: table, table, is };
    }),
    ...columns.map(sqliteColumn),
    ...indexes.map(sqliteIndex),
  ];
}

interface SqliteColumn {
  readonly table: string;
  readonly name: string;
  readonly type: string;
  readonly notnull: number;
  readonly otherwise: string | null;
  readonly pk: number;
  readonly hidden: number;
}

const sqliteColumn = ({ table, name, type, notnull, otherwise, pk, hidden }: SqliteColumn): Part => ({
  kind: 'column',
  name: `${table}.${name}`,
  table,
  is: words(
    type,
    notnull === 1 && 'NOT NULL',
    otherwise !== null && `DEFAULT ${otherwise}`,
    pk > 0 && `PRIMARY KEY ${pk}`,
    hidden > 0 && `hidden ${hidden}`,
  ),
});

interface SqliteIndex {
  readonly table: string;
  readonly name: string;
  readonly unique: number;
  readonly columns: string;
  /** Null for the index of a constraint. */
  readonly sql: string | null;
}

function sqliteIndex({ table, name, unique, columns, sql }: SqliteIndex): Part {
  const text = oneLine(sql ?? '');
  const where = / WHERE (.*)$/i.exec(text)?.[1];
  const is = columns.includes('(expression)')
    ? text
    : words(unique === 1 && 'UNIQUE', `ON ${table} (${columns})`, where !== undefined && `WHERE ${where}`);
  return { kind: 'index', name, table, is };
}

const MINE = 'CAST(current_schema() AS regnamespace)';

async function postgresShape(tx: Tx): Promise<Part[]> {
  const tables = await tx.all<{ table: string }>(
    `SELECT relname AS "table" FROM pg_class WHERE relnamespace = ${MINE} AND relkind IN ('r', 'p')`,
  );
  const columns = await tx.all<{ table: string; name: string; is: string }>(
    `SELECT c.relname AS "table", a.attname AS name, concat_ws(' ', format_type(a.atttypid, a.atttypmod),
       'COLLATE ' || NULLIF(o.collname, 'default'), CASE WHEN a.attnotnull THEN 'NOT NULL' END,
       'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), CASE WHEN a.attidentity <> '' THEN 'IDENTITY' END) AS "is"
     FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
     LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     LEFT JOIN pg_collation o ON o.oid = a.attcollation
     WHERE c.relnamespace = ${MINE} AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped`,
  );
  const indexes = await tx.all<{ table: string; name: string; is: string }>(
    `SELECT c.relname AS "table", n.relname AS name,
       replace(pg_get_indexdef(i.indexrelid), quote_ident(current_schema()) || '.', '')
         || CASE WHEN i.indisvalid THEN '' ELSE ' (invalid)' END AS "is"
     FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class n ON n.oid = i.indexrelid
     WHERE c.relnamespace = ${MINE} AND c.relkind IN ('r', 'p')`,
  );
  return [
    ...tables.map(({ table }) => ({ kind: 'table' as const, name: table, table, is: 'table' })),
    ...columns.map(({ table, name, is }) => ({ kind: 'column' as const, name: `${table}.${name}`, table, is })),
    ...indexes.map((index) => ({ kind: 'index' as const, ...index })),
  ];
}
