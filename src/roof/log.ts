/** Log lines by pino: one JSON object a line on stderr (infrastructure.md §12). */
import pino from 'pino';
import type { Log, LogLevel } from '../base/log.ts';

export interface OpenLog {
  readonly log: Log;
  /** Writes out what is buffered. */
  flush(): void;
}

export function openLog(level: LogLevel | 'silent', name: string): OpenLog {
  const destination = pino.destination({ fd: 2, sync: false });
  const logger = pino(
    {
      level,
      base: { name },
      timestamp: () => `,"time":"${new Date(Date.now()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  return {
    log: (at, event, fields) => logger[at]({ event, ...fields }, event),
    flush: () => destination.flushSync(),
  };
}
