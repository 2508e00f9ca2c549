/**
 * The log of a program that was told not to look at the schema (infrastructure.md §14, mode `off`). Guarantee: that the
 * schema lacks something is told at once and then at most once a minute, however many of its own tasks fail for it.
 */
import { isSchemaBehind } from '../../base/faults.ts';
import type { Log } from '../../base/log.ts';
import { seldom } from '../../base/seldom.ts';
import type { Config } from '../../config.ts';

const TOLD_EVERY_MS = 60_000;

export function logOfSchema({ SCHEMA_MANAGEMENT_MODE }: Config, log: Log): Log {
  if (SCHEMA_MANAGEMENT_MODE !== 'off') return log;
  const tell = seldom(TOLD_EVERY_MS, (err: string) => log('warn', 'schema.incomplete', { err }));
  return (level, event, fields) => {
    if (isSchemaBehind(fields.err)) tell(fields.err.message);
    else log(level, event, fields);
  };
}
