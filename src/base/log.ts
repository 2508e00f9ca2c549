/**
 * Log lines: one JSON object a line on stderr (infrastructure.md §12). The program writes to this interface; the roof
 * gives it pino. Never keys, tokens, payloads or contents.
 */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** `event` is a word of the table in infrastructure.md §12. */
export type Log = (level: LogLevel, event: string, fields: Readonly<Record<string, unknown>>) => void;

export const silentLog: Log = () => undefined;
