/**
 * Queries of the common subset as PostgreSQL takes them: `?` becomes `$n`, and a text made by CAST compares by byte as
 * every text column does. A text of SQL is converted once, and named so that each connection prepares it once.
 */

export interface Statement {
  readonly text: string;
  /** Under which a connection prepares it; undefined for one that is prepared anew each time. */
  readonly name: string | undefined;
}

/** Texts are kept up to this number: each is a prepared statement in every connection, on the server too. */
const KEPT_MAX = 2_000;

export function keepStatements(most: number): (sql: string) => Statement {
  const kept = new Map<string, Statement>();
  return (sql) => {
    const known = kept.get(sql);
    if (known) return known;
    const made = { text: convert(sql), name: kept.size < most ? `s${kept.size}` : undefined };
    if (made.name !== undefined) kept.set(sql, made);
    return made;
  };
}

/** Strings, quoted names and comments are matched first, so that a `?` in them stays. */
const PLACES = /'[^']*'|"[^"]*"|--[^\n]*|\/\*[\s\S]*?\*\/|CAST\(\? AS TEXT\)|\?/g;

function convert(sql: string): string {
  let count = 0;
  return sql.replace(PLACES, (found) => {
    if (found === '?') return `$${++count}`;
    if (found === 'CAST(? AS TEXT)') return `(CAST($${++count} AS TEXT) COLLATE "C")`;
    return found;
  });
}

export const statementOf = keepStatements(KEPT_MAX);
