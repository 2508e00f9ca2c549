/** Rows changed by their keys: one by one, or, where a statement costs more than its row, together. */
import type { Row, RowsUpdate, SqlValue, Statement } from './sql.ts';

interface Texts {
  readonly one: string;
  readonly all: string;
  /** What a row gives, in its order. */
  readonly names: readonly string[];
}

const texts = new WeakMap<RowsUpdate, Texts>();

const both = (parts: readonly string[]): string => parts.join(' AND ');

function textsOf(update: RowsUpdate): Texts {
  const known = texts.get(update);
  if (known) return known;
  const { table, key, columns, expects = {} } = update;
  const set = Object.keys(columns);
  const expected = Object.keys(expects);
  const types = [
    `${key} TEXT`,
    ...Object.entries(expects).map(([name, type]) => `expected_${name} ${type}`),
    ...Object.entries(columns).map(([name, type]) => `${name} ${type}`),
  ];
  const made = {
    names: [key, ...expected.map((name) => `expected_${name}`), ...set],
    one: `UPDATE ${table} SET ${set.map((name) => `${name} = ?`).join(', ')}
      WHERE ${both([key, ...expected].map((name) => `${name} = ?`))}`,
    all: `UPDATE ${table} SET ${set.map((name) => `${name} = v.${name}`).join(', ')}
      FROM json_to_recordset(CAST(? AS JSON)) AS v(${types.join(', ')})
      WHERE ${both([`${table}.${key} = v.${key}`, ...expected.map((name) => `${table}.${name} = v.expected_${name}`)])}
      RETURNING ${table}.${key}`,
  };
  texts.set(update, made);
  return made;
}

export function updateOne(update: RowsUpdate, row: Row): Statement {
  const expected = 1 + Object.keys(update.expects ?? {}).length;
  return { sql: textsOf(update).one, params: [...row.slice(expected), ...row.slice(0, expected)] };
}

/**
 * One statement for all rows, in PostgreSQL's words: most of what a statement for a row costs is being a statement. It
 * gives the keys of those that it changed.
 */
export function updateAll(update: RowsUpdate, rows: readonly Row[]): Statement {
  const { all, names } = textsOf(update);
  const objects = rows.map((row) => {
    const object: Record<string, SqlValue> = {};
    for (const [at, name] of names.entries()) object[name] = row[at] ?? null;
    return object;
  });
  return { sql: all, params: [JSON.stringify(objects)] };
}
