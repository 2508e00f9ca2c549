/**
 * What the audit log is told of credentials, for log and figures too (infrastructure.md §11, §12): the same words at the same
 * places. Guarantees: of a credential nothing is told but what its row tells.
 */
import type { Log, LogFields, LogLevel } from '../../base/log.ts';
import { parseJson } from '../../base/parse-json.ts';
import type { AuditLog, AuditRow } from '../../core/call/audit-row.ts';

const EVENTS: Readonly<Record<string, readonly [LogLevel, 'auth.success' | 'auth.failure' | 'auth.denied']>> = {
  auth_success: ['debug', 'auth.success'],
  auth_failure: ['warn', 'auth.failure'],
  auth_denied: ['warn', 'auth.denied'],
};

export interface TellsOfAuth {
  readonly log: Log;
  readonly count: (key: 'auth.failure' | 'auth.denied') => void;
}

/** The same audit log. A credential that works is told once a second and channel, as its row is; the door counts it each time. */
export function tellingOfAuth(audit: AuditLog, { log, count }: TellsOfAuth): AuditLog {
  const tell = (zone: string, row: AuditRow): void => {
    const told = EVENTS[row.action];
    if (!told) return;
    const [level, event] = told;
    if (event !== 'auth.success') count(event);
    const details = thoseThere(parseJson(row.details) as LogFields);
    const { call_id, key_id } = row;
    log(level, event, { request_id: call_id, call_id, zone, api_key_id: key_id ?? undefined, ...details });
  };
  return {
    ...audit,
    refused: (zone_id, row) => {
      tell(zone_id, row);
      return audit.refused(zone_id, row);
    },
    ended: (zone_id, row) => {
      if (row.action === 'auth_success') tell(zone_id, row);
      return audit.ended(zone_id, row);
    },
  };
}

/** A row has all its fields, a line of the log those that apply. */
const thoseThere = (details: LogFields): LogFields =>
  Object.fromEntries(Object.entries(details).filter(([, value]) => value !== null));
