/** What a second signal means. */
import { afterEach, expect, test, vi } from 'vitest';
import { onStopSignal } from './stop-signal.ts';

const before = (['SIGTERM', 'SIGINT'] as const).map((signal) => [signal, process.listeners(signal)] as const);

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  for (const [signal, known] of before) {
    for (const one of process.listeners(signal)) if (!known.includes(one)) process.removeListener(signal, one);
  }
});

const BENEATH = 'start';

test.each([
  ['one begins the end', undefined, [], []],
  ['the second ends the process at once', undefined, [0], [[1]]],
  ['beneath npm, which hands signals on, one that comes again is that one', BENEATH, [0, 250], []],
  ['beneath npm, a later one ends the process at once', BENEATH, [0, 250, 100], [[1]]],
] as const)('%s', (_, npm, pauses, ends) => {
  vi.stubEnv('npm_lifecycle_event', npm);
  vi.useFakeTimers();
  const exit = vi.spyOn(process, 'exit').mockImplementation((() => undefined) as unknown as typeof process.exit);
  let stops = 0;
  onStopSignal(() => stops++);
  process.emit('SIGTERM');
  for (const pause of pauses) {
    vi.advanceTimersByTime(pause);
    process.emit('SIGINT');
  }
  expect([stops, exit.mock.calls]).toEqual([1, ends]);
});
