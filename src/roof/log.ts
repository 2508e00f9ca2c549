/**
 * Log lines: one JSON object a line on stderr (infrastructure.md §12). Guarantees: lines go out in their order, errors at
 * once and others within {@link GATHER_MS}; a reader that stalls, or a disk that is full, costs lines, and the next one
 * tells how many, but never memory without end, and never the server.
 *
 * Every request makes a line, so lines are made of texts directly and handed on together: that takes a fifth of the time
 * of an object and a write for each.
 */
import pino from 'pino';
import { LOG_LEVELS, type Log, type LogLevel } from '../base/log.ts';

export interface OpenLog {
  readonly log: Log;
  /**
   * Writes out what waits, as far as that takes no longer than {@link CLOSE_MS}, and closes the descriptor unless it is
   * stdout or stderr. What follows is not written.
   */
  close(): Promise<void>;
  /** From the next line on. */
  setLevel(level: LogLevel | 'silent'): void;
}

/** Milliseconds. */
const GATHER_MS = 20;
const GATHER_CHARACTERS = 64 * 1024;
/** Milliseconds that a reader who stalls may keep a server from its end. */
const CLOSE_MS = 2_000;
/** Characters that wait for a reader at most. */
const WAITING_MOST = 16 * 1024 * 1024;

/** `to`: a descriptor. */
export function openLog(level: LogLevel | 'silent', name: string, to = 2): OpenLog {
  const destination = pino.destination({ fd: to, sync: false, maxLength: WAITING_MOST });
  const lineOf = lineMaker(name);
  let lowest = LOG_LEVELS.indexOf(level);
  let lines = '';
  let lost = 0;
  let timer: NodeJS.Timeout | undefined;
  let dropped = false;
  destination.on('drop', () => {
    dropped = true;
  });
  // What could not be written waits, and goes out with the next line. There is no other place to tell of it.
  destination.on('error', () => undefined);
  const handOn = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const gathered = lines;
    lines = '';
    dropped = false;
    destination.write(lost > 0 ? lineOf('warn', 'log.lost', { lines: lost }) + gathered : gathered);
    lost = dropped ? lost + gathered.split('\n').length - 1 : 0;
  };
  const log: Log = (at, event, fields) => {
    if (LOG_LEVELS.indexOf(at) < lowest) return;
    lines += lineOf(at, event, fields);
    if (at === 'error' || lines.length > GATHER_CHARACTERS) handOn();
    else timer ??= setTimeout(handOn, GATHER_MS).unref();
  };
  return {
    log,
    setLevel: (next) => {
      lowest = LOG_LEVELS.indexOf(next);
    },
    close: () => {
      if (lines !== '') handOn();
      lowest = LOG_LEVELS.length;
      return new Promise((resolve) => {
        destination.once('close', resolve);
        // What cannot be written now is not waited for.
        const giveUp = (): void => destination.destroy();
        destination.once('error', giveUp);
        setTimeout(giveUp, CLOSE_MS).unref();
        destination.end();
      });
    },
  };
}

type LineOf = (level: LogLevel, event: string, fields: Readonly<Record<string, unknown>>) => string;

function lineMaker(name: string): LineOf {
  const named = JSON.stringify(name);
  let at = Number.NaN;
  let time = '';
  return (level, event, fields) => {
    const now = Date.now();
    if (now !== at) {
      at = now;
      time = new Date(now).toISOString();
    }
    let line = `{"level":"${level}","time":"${time}","name":${named},"event":"${event}"`;
    for (const key in fields) {
      const value = fields[key];
      if (value !== undefined) line += `,"${key}":${valueText(value)}`;
    }
    return fields.msg === undefined ? `${line},"msg":"${event}"}\n` : `${line}}\n`;
  };
}

/** What stands in JSON as it is. */
const PLAIN = /^[ !#-[\]-~]*$/;

function valueText(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.stack ?? String(value));
  if (typeof value === 'string' && PLAIN.test(value)) return `"${value}"`;
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  return JSON.stringify(value) ?? 'null';
}
