/**
 * SIGHUP: the configuration is read again. Guarantees: what holds from now on, and what waits for the next start, are named in
 * the log; a configuration with a mistake changes nothing. On a terminal that is gone it is a stop, as it is for any command.
 */
import type { Log, LogLevel } from '../../../base/log.ts';
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
  readonly stop: () => void;
}

/** Gives the function that ends it. */
export function mindHangUp(reloading: Reloading): () => void {
  let { config } = reloading;
  const heard = (): void => {
    if (process.stdin.isTTY) reloading.stop();
    else config = reload(reloading, config);
  };
  process.on('SIGHUP', heard);
  return () => process.off('SIGHUP', heard);
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
  setLevel(next.LOG_LEVEL);
  retune(next);
  log('info', 'config.reloaded', { settings: taken });
  if (left.length > 0) log('warn', 'config.left', { settings: left });
  logWarnings(loaded, log);
  return next;
}
