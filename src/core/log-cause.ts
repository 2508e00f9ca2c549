/**
 * What is behind a fault goes into the log, where a client is told only what it can do about it: why the database is out
 * of reach, say. Guarantees: each fault is logged once, however many rooms it passes on its way out.
 */
import { causeOf, type Fault } from '../base/faults.ts';
import type { Log, LogFields } from '../base/log.ts';
import type { Caller } from './operation.ts';

const logged = new WeakSet<Fault>();

export function logCause(log: Log, fault: Fault, fields: Readonly<Record<string, unknown>>): void {
  const err = causeOf(fault);
  if (err === undefined || logged.has(fault)) return;
  logged.add(fault);
  log(fault.row.log, 'fault.cause', { ...fields, code: fault.code, err });
}

/** What a line of the log about a call has of it (infrastructure.md §12); the zone is that of the call, where it is known. */
export const callFields = (
  request_id: string,
  caller: Pick<Caller, 'zone_id' | 'key_id'> | undefined,
  zone = caller?.zone_id,
): LogFields => ({ request_id, call_id: request_id, zone, api_key_id: caller?.key_id ?? undefined });
