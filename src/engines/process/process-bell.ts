/** The bell of a single process: those who hold the same one hear each other, and nothing is lost. */
import { assertRing, type Bell } from '../../ports/bell.ts';

type Handler = (payload: string) => void;

export function openProcessBell(): Bell {
  const listeners = new Map<string, Set<{ readonly handler: Handler }>>();
  const hear = (topic: string, payload: string): void => {
    for (const { handler } of listeners.get(topic) ?? []) handler(payload);
  };
  return {
    ring: (topic, payload) => {
      assertRing(topic, payload);
      queueMicrotask(() => hear(topic, payload));
    },
    listen: (topic, handler) => {
      const listener = { handler };
      const all = listeners.get(topic) ?? new Set();
      listeners.set(topic, all.add(listener));
      return () => {
        all.delete(listener);
        if (all.size === 0 && listeners.get(topic) === all) listeners.delete(topic);
      };
    },
    close: async () => listeners.clear(),
  };
}
