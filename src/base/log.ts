/**
 * Log lines: one JSON object a line on stderr (infrastructure.md §12). The program writes to this interface; the roof
 * gives it pino. Never keys, tokens, payloads or contents.
 */
import type { LogEvent, LogField } from './log-events.ts';

/** Lowest first; a program that is set to `silent` writes nothing. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = Exclude<(typeof LOG_LEVELS)[number], 'silent'>;

/** Fields of a line, beside those that each has. An error is written as its stack. */
export type LogFields = Readonly<Partial<Record<LogField, unknown>>>;

export type Log = (level: LogLevel, event: LogEvent, fields: LogFields) => void;

export const silentLog: Log = () => undefined;
