/** What a second signal means. */
import { afterEach, expect, test, vi } from 'vitest';
import { onStopSignal } from './stop-signal.ts';

const before = (['SIGTERM', 'SIGINT'] as const).map((signal) => [signal, process.listeners(signal)] as const);

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  for (const [signal, known] of before) {
    for (const one of process.listeners(signal)) if (!known.includes(one)) process.removeListener(signal, one);
  }
});

test('the same signal delivered twice is one; a later one ends the process at once', () => {
  vi.useFakeTimers();
  const exit = vi.spyOn(process, 'exit').mockImplementation((() => undefined) as unknown as typeof process.exit);
  let stops = 0;
  onStopSignal(() => stops++);
  process.emit('SIGTERM');
  process.emit('SIGTERM');
  vi.advanceTimersByTime(250);
  process.emit('SIGINT');
  expect([stops, exit.mock.calls]).toEqual([1, []]);
  vi.advanceTimersByTime(100);
  process.emit('SIGINT');
  expect([stops, exit.mock.calls]).toEqual([1, [[1]]]);
});
