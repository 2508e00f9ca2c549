/**
 * What is behind a fault goes into the log, where a client is told only what it can do about it: why the database is out
 * of reach, say. Guarantees: each fault is logged once, however many rooms it passes on its way out.
 */
import { causeOf, type Fault } from '../base/faults.ts';
import type { Log } from '../base/log.ts';

const logged = new WeakSet<Fault>();

export function logCause(log: Log, fault: Fault, fields: Readonly<Record<string, unknown>>): void {
  const err = causeOf(fault);
  if (err === undefined || logged.has(fault)) return;
  logged.add(fault);
  log(fault.row.log, 'fault.cause', { ...fields, code: fault.code, err });
}
