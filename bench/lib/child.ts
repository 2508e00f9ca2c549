/** Child processes of a bench: started, asked, and stopped by pid. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export interface Child<T> {
  readonly process: ChildProcess;
  /** What it said when it was ready. */
  readonly ready: T;
  stop(): Promise<void>;
}

/** `file` is relative to bench/lib. The child says it is ready by a message, and ends on the message `stop`. */
export async function startChild<T>(
  file: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<Child<T>> {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const child = fork(path, { env: { ...process.env, ...environment }, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const failed = once(child, 'exit').then(([code]) => {
    throw new Error(`${file} ended with ${code} before it was ready`);
  });
  const [ready] = (await Promise.race([once(child, 'message'), failed])) as [T];
  return {
    process: child,
    ready,
    stop: async () => {
      const ended = once(child, 'exit');
      child.send('stop');
      await ended;
    },
  };
}

export interface BenchServer {
  readonly url: string;
  /** Owner of `/bench`, by one grant. */
  readonly key: string;
  /** Owner of `/bench`, with 999 more grants elsewhere. */
  readonly manyGrantsKey: string;
  readonly adminKey: string;
  readonly directory: string;
}

export const startBenchServer = (environment?: Readonly<Record<string, string>>): Promise<Child<BenchServer>> =>
  startChild<BenchServer>('./server-child.ts', environment);
