/**
 * A server that may close all it has and begin anew at the same address: once the state was replaced, nothing in memory may
 * be older than the rows. Guarantee: as long as a restore runs, it has nothing open but a waiting room.
 */
import type { Config } from '../config.ts';
import type { Fence } from '../ports/fence.ts';
import { isRestoringFault, passRestores } from './backups/epochs.ts';
import { openWaitingRoom, type WaitingRoom } from './backups/waiting-room.ts';

export interface Opening {
  readonly fence: Fence;
  /** Closes all and begins again. */
  readonly anew: () => void;
  /** Called once all is ready but the door. */
  readonly beforeListening: () => Promise<void>;
}

interface Open {
  readonly url: string;
  stop(): Promise<void>;
}

export interface Renewing<T extends Open> {
  readonly config: Config;
  readonly open: (config: Config, opening: Opening) => Promise<T>;
  /** Called where it cannot begin again. */
  readonly onBroken: (reason: unknown) => void;
}

export interface Renewed<T> {
  /** As it began at first. */
  readonly first: T;
  /** As it is now; while it has nothing open, as it was. */
  now(): T;
  stop(): Promise<void>;
}

export async function openRenewed<T extends Open>({ config: asked, open, onBroken }: Renewing<T>): Promise<Renewed<T>> {
  const stopping = new AbortController();
  let renewed: Promise<void> = Promise.resolve();
  const anew = (): void => {
    renewed = renewed.then(renew).catch((reason: unknown) => {
      if (!stopping.signal.aborted) onBroken(reason);
    });
  };
  const begin = async (config: Config, room?: WaitingRoom): Promise<T> => {
    let waiting = room;
    try {
      const waits = (): void => {
        waiting ??= openWaitingRoom(config);
      };
      const fence = await passRestores(config, { signal: stopping.signal, waits });
      return await open(config, { fence, anew, beforeListening: async () => waiting?.close() });
    } catch (thrown) {
      // One has begun meanwhile.
      if (isRestoringFault(thrown)) return begin(config, waiting);
      await waiting?.close();
      throw thrown;
    }
  };
  const renew = async (): Promise<void> => {
    const last = running;
    if (stopping.signal.aborted || !last) return;
    const config = { ...asked, PORT: Number(new URL(last.url).port) };
    const stopped = last.stop();
    const room = openWaitingRoom(config);
    await stopped;
    running = undefined;
    running = await begin(config, room);
    latest = running;
  };
  const first = await begin(asked);
  let latest = first;
  let running: T | undefined = first;
  return {
    first,
    now: () => latest,
    stop: async () => {
      stopping.abort();
      await renewed;
      await running?.stop();
    },
  };
}
