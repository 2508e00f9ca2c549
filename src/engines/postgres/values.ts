/**
 * Values on their way from PostgreSQL: the same JavaScript types that the embedded engine gives. Guarantees: an integer
 * is exact or an error, bytes are a Uint8Array of their own memory, a truth value is 1 or 0, all else is text.
 */
import type { CustomTypesConfig } from 'pg';
import type { SqlValue } from '../../ports/sql.ts';

/** Type numbers of PostgreSQL (pg_type.oid), which never change. */
const BOOL = 16;
const BYTEA = 17;
const INT8 = 20;
const INT2 = 21;
const INT4 = 23;
const OID = 26;
const FLOAT4 = 700;
const FLOAT8 = 701;
const NUMERIC = 1700;

/** COUNT and SUM are int8 and numeric. */
function exactInteger(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number)) throw new RangeError(`${text} is no integer that a double holds exactly`);
  return number;
}

const parsers = new Map<number, (text: string) => SqlValue>([
  [BOOL, (text) => (text === 't' ? 1 : 0)],
  [BYTEA, (text) => new Uint8Array(Buffer.from(text.slice(2), 'hex'))],
  [INT8, exactInteger],
  [NUMERIC, exactInteger],
  [INT2, Number],
  [INT4, Number],
  [OID, Number],
  [FLOAT4, Number],
  [FLOAT8, Number],
]);

const asText = (text: string): string => text;

export const valueTypes: CustomTypesConfig = { getTypeParser: (oid: number) => parsers.get(oid) ?? asText };
