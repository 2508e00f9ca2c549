/**
 * What fails again and again, because whoever does it tries again at once. Guarantees: each cause is told at once and then at most
 * once a minute, however often it comes; a refusal says all in its message, so it is told without where it came from.
 */
import { causeOf, Fault, isSchemaBehind } from '../../base/faults.ts';
import type { Log, LogFields } from '../../base/log.ts';
import type { LogEvent } from '../../base/log-events.ts';
import { seldom } from '../../base/seldom.ts';

const TOLD_EVERY_MS = 60_000;

/** What failures of one cause have in common: there are as many as kinds of errors. */
export const kindOf = (thrown: unknown): string => {
  if (thrown instanceof Fault) return thrown.code;
  return thrown instanceof Error ? thrown.name : typeof thrown;
};

/** That the schema lacks something is told by who knows it from the fault itself (../schema/incomplete.ts). */
export function fieldsOf(thrown: unknown): LogFields {
  if (isSchemaBehind(thrown) || !(thrown instanceof Fault)) return { err: thrown };
  return { code: thrown.code, err: causeOf(thrown) ?? thrown.message };
}

interface Telling {
  /** Of each line. */
  readonly fields?: LogFields;
  /** Milliseconds of a clock that only goes forward. */
  readonly now?: () => number;
}

/** Tells of what was thrown, as warnings of the event. */
export function tellingFailures(log: Log, event: LogEvent, { fields, now }: Telling = {}): (thrown: unknown) => void {
  const kinds = new Map<string, (thrown: unknown) => void>();
  const tell = (thrown: unknown): void => log('warn', event, { ...fields, ...fieldsOf(thrown) });
  return (thrown) => {
    const kind = kindOf(thrown);
    const told = kinds.get(kind) ?? seldom(TOLD_EVERY_MS, tell, now);
    kinds.set(kind, told);
    told(thrown);
  };
}
