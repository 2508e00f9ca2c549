/**
 * How far something is, as a bar on stderr where somebody looks. Guarantee: the terminal has its cursor and wraps its lines
 * again when the bar ends, also when a signal ends the command.
 */
import type { Options } from 'cli-progress';
import type { Terminal } from '../terminal.ts';
import { onInterrupt } from './interrupts.ts';

export interface Bar {
  update(value: number, shown?: object): void;
  setTotal(total: number): void;
  stop(): void;
}

export interface BarOptions extends Pick<Options, 'format' | 'formatValue' | 'clearOnComplete'> {
  readonly total: number;
  /** What the format names besides. */
  readonly shown?: object;
}

/** Undefined where nobody looks. */
export async function startBar(terminal: Terminal, { total, shown, ...look }: BarOptions): Promise<Bar | undefined> {
  if (terminal.json || !process.stderr.isTTY) return undefined;
  const { default: progress } = await import('cli-progress');
  const bar = new progress.SingleBar({ ...look, stream: process.stderr, hideCursor: true, gracefulExit: false });
  const release = onInterrupt(() => bar.stop());
  bar.start(total, 0, shown);
  return {
    update: (value, now) => bar.update(value, now),
    setTotal: (most) => bar.setTotal(most),
    stop: () => {
      bar.stop();
      release();
    },
  };
}

export interface Phases {
  readonly tell: (phase: string, done: number, total: number) => void;
  /** Nothing is drawn from then on. */
  readonly stop: () => void;
}

/** A bar for work of several phases, of which the length of some is not known. */
export async function startPhases(terminal: Terminal): Promise<Phases> {
  const format = '{phase} [{bar}] {value}/{total}';
  let bar = await startBar(terminal, { format, clearOnComplete: true, total: 1, shown: { phase: 'waiting' } });
  return {
    tell: (phase, done, total) => {
      bar?.setTotal(Math.max(total, done, 1));
      bar?.update(done, { phase });
    },
    stop: () => {
      bar?.stop();
      bar = undefined;
    },
  };
}

/** Runs work of which something goes on, or stays, when it is interrupted: that is told then. */
export async function telling<T>(terminal: Terminal, what: string, work: () => Promise<T>): Promise<T> {
  const release = onInterrupt(() => terminal.err(`${what}\n`));
  try {
    return await work();
  } finally {
    release();
  }
}
