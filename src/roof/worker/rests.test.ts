/** What is left alone after a failure, for how long, and what comes next. The clock is the test's. */
import { expect, test } from 'vitest';
import { LATE_MS } from '../../features/jobs/cron.ts';
import { Rests } from './rests.ts';

/** What a tender does at each tick, where all that is due in the zone fails, each for the same cause. */
function tending(due: readonly string[]) {
  let now = 0;
  const rests = new Rests(() => now);
  const tried: { readonly at: number; readonly schedule: string; readonly told: boolean }[] = [];
  const tick = (): void => {
    const { zones, schedules } = rests.without();
    const left = zones.includes('a') ? [] : due.filter((one) => !schedules.includes(one));
    rests.looked(new Set(left.length > 0 ? ['a'] : []));
    const [schedule_id] = left;
    if (schedule_id === undefined) return;
    tried.push({ at: now, schedule: schedule_id, told: rests.failed({ zone_id: 'a', schedule_id }, 'QUOTA_EXCEEDED') });
  };
  const passTo = (ms: number): void => {
    for (; now < ms; now += 500) tick();
  };
  return { rests, tried, passTo, tick };
}

test('what is stuck is tried seldom, each in its turn, and never so late that an instant would count as missed', () => {
  const { tried, passTo } = tending(['one', 'two', 'three']);
  passTo(300_000);
  expect(tried.slice(0, 7).map(({ schedule }) => schedule)).toEqual([
    ...['one', 'two', 'three'],
    ...['one', 'two', 'three'],
    'one',
  ]);
  const gaps = tried.slice(1).map(({ at }, i) => at - tried[i]!.at);
  expect(gaps.slice(0, 3)).toEqual([1_000, 2_000, 3_500]);
  expect(Math.max(...gaps)).toBeLessThan(LATE_MS);
  expect(tried.length).toBeLessThan(105);
});

test('is told once a minute for each cause', () => {
  const { rests, tried, passTo } = tending(['one', 'two']);
  passTo(59_000);
  expect(tried.map(({ told }) => told)).toEqual(tried.map((_, i) => i === 0));
  expect(rests.failed({ zone_id: 'a', schedule_id: 'one' }, 'another cause')).toBe(true);
  expect(rests.failed({ zone_id: 'b', schedule_id: 'other' }, 'QUOTA_EXCEEDED')).toBe(true);
  passTo(119_000);
  expect(tried.filter(({ told }) => told)).toHaveLength(2);
});

test('a zone in which one fired is as if none had failed, and one that has been well for long is forgotten', () => {
  const { rests, tried, passTo, tick } = tending(['one', 'two', 'three']);
  passTo(20_000);
  const before = tried.length;
  rests.fired('a');
  passTo(26_000);
  expect(tried[before]?.schedule).toBe('one');
  rests.fired('a');
  rests.fired('never failed');
  passTo(26_500);
  tick();
  expect(rests.failed({ zone_id: 'b', schedule_id: 'other' }, 'QUOTA_EXCEEDED')).toBe(true);
  expect(rests.without()).toEqual({ zones: ['a', 'b'], schedules: [] });
});
