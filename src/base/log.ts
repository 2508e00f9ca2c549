/**
 * Log lines: one JSON object a line on stderr (infrastructure.md §12). The program writes to this interface; the roof
 * gives it pino. Never keys, tokens, payloads or contents.
 */
/** Lowest first; a program that is set to `silent` writes nothing. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = Exclude<(typeof LOG_LEVELS)[number], 'silent'>;

/** `event` is a word of the table in infrastructure.md §12. */
export type Log = (level: LogLevel, event: string, fields: Readonly<Record<string, unknown>>) => void;

export const silentLog: Log = () => undefined;
