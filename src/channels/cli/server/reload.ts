/**
 * SIGHUP: the configuration is read again. Guarantees: what holds from now on, and what waits for the next start, are named in
 * the log; a configuration with a mistake changes nothing. On a terminal that is gone it is a stop, as it is for any command.
 */
import { LOG_LEVELS, type Log, type LogLevel } from '../../../base/log.ts';
import { changesOf, retuned } from '../../../config/reload.ts';
import type { Config, Loaded } from '../../../config.ts';
import type { Terminal } from '../terminal.ts';
import { logWarnings } from './load.ts';

export interface Reloading {
  readonly config: Config;
  readonly log: Log;
  /** Reads it again; mistakes go to the terminal that it is given. */
  readonly read: (terminal: Pick<Terminal, 'err'>) => Loaded | undefined;
  readonly setLevel: (level: LogLevel | 'silent') => void;
  readonly retune: (config: Config) => void;
}

export interface HangUps {
  /** There is something to read it again for. What was heard until then is done now; gives the function that ends it. */
  begin(reloading: Reloading): () => void;
}

/** Heard from now on: a signal that nobody minds ends a process, and a start may take as long as its migrations. */
export function mindHangUps(stop: () => void): HangUps {
  let again: (() => void) | undefined;
  let waiting = false;
  const heard = (): void => {
    if (process.stdin.isTTY) stop();
    else if (again) again();
    else waiting = true;
  };
  process.on('SIGHUP', heard);
  return {
    begin: (reloading) => {
      let { config } = reloading;
      again = () => {
        config = reload(reloading, config);
      };
      if (waiting) again();
      // One that comes while it ends is still none that ends it at once.
      return () => {
        again = () => undefined;
      };
    },
  };
}

function reload({ log, read, setLevel, retune }: Reloading, config: Config): Config {
  const mistakes: string[] = [];
  const loaded = read({ err: (text) => mistakes.push(text.trim()) });
  if (!loaded) {
    log('error', 'config.refused', { msg: mistakes.join('; ') });
    return config;
  }
  const { taken, left } = changesOf(config, loaded.config);
  const next = retuned(config, loaded.config);
  retune(next);
  const tell = (): void => {
    log('info', 'config.reloaded', { settings: taken });
    if (left.length > 0) log('warn', 'config.left', { settings: left });
    logWarnings(loaded, log);
  };
  // A level that says less would not say that it was taken either.
  const quieter = LOG_LEVELS.indexOf(next.LOG_LEVEL) > LOG_LEVELS.indexOf(config.LOG_LEVEL);
  if (quieter) tell();
  setLevel(next.LOG_LEVEL);
  if (!quieter) tell();
  return next;
}
