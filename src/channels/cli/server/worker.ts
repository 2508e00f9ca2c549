/** `nexus worker`: runs jobs beside a server, or in its place. Says how many attempts have ended, and nothing else. */
import { logNodeWarnings } from '../../../base/node-warnings.ts';
import type { Command } from '../command.ts';
import { explain } from '../explain.ts';
import type { Terminal } from '../terminal.ts';
import { EXIT_CONFIG, load, logWarnings } from './load.ts';
import { mindHangUps } from './reload.ts';
import { endProcess, onStopSignal } from './stop-signal.ts';

export const runUntilStopped: Command['run'] = async (scene, typed) => {
  const maxJobs = Number(typed.options['max-jobs'] ?? Number.POSITIVE_INFINITY);
  const read = (terminal: Pick<Terminal, 'err'>) => load(terminal, typed);
  const loaded = read(scene.terminal);
  if (!loaded) return EXIT_CONFIG;
  const stopping = new AbortController();
  const stop = (): void => stopping.abort();
  onStopSignal(stop);
  const hangUps = mindHangUps(stop);
  const { runWorker } = await import('../../../roof/worker/process.ts');
  const { openLog } = await import('../../../roof/log.ts');
  const { config } = loaded;
  const { log, close, setLevel } = openLog(config.LOG_LEVEL, config.APP_NAME);
  logNodeWarnings(log);
  logWarnings(loaded, log);
  // Nobody asks a worker at a rate.
  const unmind = hangUps.begin({ config, log, read, setLevel, retune: () => undefined });
  const once = typed.options.once === true;
  let code = 0;
  try {
    const processed = await runWorker({ config, log, once, maxJobs, signal: stopping.signal });
    scene.terminal.out(`processed_jobs=${processed}\n`);
  } catch (thrown) {
    // Whoever runs it once asks only whether it could (infrastructure.md §8).
    if (!once) throw thrown;
    explain(scene.terminal, thrown);
    code = 1;
  } finally {
    unmind();
    await close();
  }
  return endProcess(config, code);
};
