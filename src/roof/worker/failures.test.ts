/** What fails again and again is told of now and then. */
import { expect, test } from 'vitest';
import { Fault } from '../../base/faults.ts';
import type { Log } from '../../base/log.ts';
import { tellingFailures } from './failures.ts';

const LATER_MS = 60_000;

test('each cause is told at once, and then once a minute', () => {
  const told: unknown[] = [];
  const log: Log = (level, event, fields) => told.push([level, event, fields]);
  let now = 0;
  const tell = tellingFailures(log, 'worker.failed', { fields: { worker_name: 'w' }, now: () => now });
  const broken = new TypeError('broken');
  const each = (): void => {
    for (const thrown of [new Fault('UNAVAILABLE', 'Database is away'), broken, 'a text']) tell(thrown);
  };
  const once = [
    ['warn', 'worker.failed', { worker_name: 'w', code: 'UNAVAILABLE', err: 'Database is away' }],
    ['warn', 'worker.failed', { worker_name: 'w', err: broken }],
    ['warn', 'worker.failed', { worker_name: 'w', err: 'a text' }],
  ];
  for (; now < LATER_MS; now += 500) each();
  expect(told).toEqual(once);
  each();
  expect(told).toEqual([...once, ...once]);
});
