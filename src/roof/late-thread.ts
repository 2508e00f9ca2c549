/**
 * A thread that starts with the first call that needs it: a server that nobody asks for long reads goes without its memory, and
 * is ready sooner. Guarantees: it is started once, whoever asks meanwhile waits for it; where it cannot start, the call
 * fails with the reason and the next one tries again.
 */
import type { CallThread } from './threads.ts';

export function lateThread(start: () => Promise<CallThread>): CallThread {
  let started: Promise<CallThread> | undefined;
  const thread = (): Promise<CallThread> => {
    started ??= start().catch((thrown: unknown) => {
      started = undefined;
      throw thrown;
    });
    return started;
  };
  return {
    run: async (operation, ready, context) => (await thread()).run(operation, ready, context),
    stats: async () => (await started)?.stats(),
    close: async () => {
      const running = await started?.catch(() => undefined);
      await running?.close();
    },
  };
}
