/** Cron lines: instants across changes of clocks and leap days, mistakes by field, and what comes of missed instants. */
import { expect, test } from 'vitest';
import { Fault } from '../../base/faults.ts';
import { type CatchUp, checkCron, dueInstants, LATE_MS, nextInstant } from './cron.ts';

/** The next instants after a time. */
function next(cron: string, timezone: string, asked: { after: string; times: number }): string[] {
  const found: string[] = [];
  let at = Date.parse(asked.after);
  for (let i = 0; i < asked.times; i++) {
    at = nextInstant({ cron, timezone }, at)!;
    found.push(new Date(at).toISOString().slice(0, 16));
  }
  return found;
}

test('a local time that does not exist fires at the first instant after the gap', () => {
  expect(next('30 2 * * *', 'Europe/Berlin', { after: '2026-03-28T12:00:00Z', times: 2 })).toEqual([
    '2026-03-29T01:00',
    '2026-03-30T00:30',
  ]);
  // Clocks go forward at midnight.
  expect(next('30 0 * * *', 'America/Sao_Paulo', { after: '2018-11-03T12:00:00Z', times: 2 })).toEqual([
    '2018-11-04T03:00',
    '2018-11-05T02:30',
  ]);
  // By half an hour.
  expect(next('15 2 * * *', 'Australia/Lord_Howe', { after: '2026-10-03T00:00:00Z', times: 1 })).toEqual([
    '2026-10-03T15:30',
  ]);
});

test('a local time that comes twice fires the first time', () => {
  expect(next('30 2 * * *', 'Europe/Berlin', { after: '2026-10-24T12:00:00Z', times: 2 })).toEqual([
    '2026-10-25T00:30',
    '2026-10-26T01:30',
  ]);
});

test('lists and ranges of hours and minutes are local times each', () => {
  const inGap = { after: '2026-03-28T23:30:00Z', times: 3 };
  expect(next('30 2,14 * * *', 'Europe/Berlin', inGap)).toEqual([
    '2026-03-29T01:00',
    '2026-03-29T12:30',
    '2026-03-30T00:30',
  ]);
  // Times of one gap are one instant.
  for (const line of ['15,30 2 * * *', '0-59/20 2 * * *', '*/30 15,30 2 * * *']) {
    expect(next(line, 'Europe/Berlin', { ...inGap, times: 1 })).toEqual(['2026-03-29T01:00']);
    const behind = { after: '2026-03-29T01:00:00Z', times: 1 };
    expect(next(line, 'Europe/Berlin', behind)[0]).toMatch(/^2026-03-30T00:/);
  }
  expect(next('0 1-3 * * *', 'Europe/Berlin', inGap)).toEqual([
    '2026-03-29T00:00',
    '2026-03-29T01:00',
    '2026-03-29T23:00',
  ]);
  const twice = { after: '2026-10-24T22:30:00Z', times: 4 };
  expect(next('30 2,14 * * *', 'Europe/Berlin', { ...twice, times: 3 })).toEqual([
    '2026-10-25T00:30',
    '2026-10-25T13:30',
    '2026-10-26T01:30',
  ]);
  expect(next('0 1-3 * * *', 'Europe/Berlin', twice)).toEqual([
    '2026-10-24T23:00',
    '2026-10-25T00:00',
    '2026-10-25T02:00',
    '2026-10-26T00:00',
  ]);
  expect(next('0 2,3 * * *', 'Europe/Berlin', { ...twice, times: 3 })).toEqual([
    '2026-10-25T00:00',
    '2026-10-25T02:00',
    '2026-10-26T01:00',
  ]);
  expect(next('15,30 2 * * *', 'Europe/Berlin', { ...twice, times: 3 })).toEqual([
    '2026-10-25T00:15',
    '2026-10-25T00:30',
    '2026-10-26T01:15',
  ]);
  // Asked while the hour is there the second time.
  expect(next('15,30,45 2,3 * * *', 'Europe/Berlin', { after: '2026-10-25T01:20:00Z', times: 1 })).toEqual([
    '2026-10-25T02:15',
  ]);
  // A day that an island left out.
  expect(next('0 8,20 * * *', 'Pacific/Apia', { after: '2011-12-30T09:00:00Z', times: 2 })).toEqual([
    '2011-12-30T10:00',
    '2011-12-30T18:00',
  ]);
});

test('wildcard hours and minutes follow real time', () => {
  const hours = { after: '2026-10-24T23:45:00Z', times: 4 };
  expect(next('30 * * * *', 'Europe/Berlin', hours)).toEqual([
    '2026-10-25T00:30',
    '2026-10-25T01:30',
    '2026-10-25T02:30',
    '2026-10-25T03:30',
  ]);
  expect(next('*/30 * * * *', 'Europe/Berlin', { after: '2026-03-29T00:00:00Z', times: 3 })).toEqual([
    '2026-03-29T00:30',
    '2026-03-29T01:00',
    '2026-03-29T01:30',
  ]);
});

test('leap days, names, lists, steps, seconds and short forms', () => {
  const from = { after: '2026-06-01T00:00:00Z', times: 2 };
  expect(next('0 0 29 feb *', 'UTC', from)).toEqual(['2028-02-29T00:00', '2032-02-29T00:00']);
  expect(next('0 9 * * mon-fri', 'UTC', { after: '2026-06-05T12:00:00Z', times: 1 })).toEqual(['2026-06-08T09:00']);
  expect(next('0 0 13 * 5', 'UTC', from)).toEqual(['2026-06-05T00:00', '2026-06-12T00:00']);
  expect(next('5,10-12 */12 * * *', 'UTC', { ...from, times: 3 })).toEqual([
    '2026-06-01T00:05',
    '2026-06-01T00:10',
    '2026-06-01T00:11',
  ]);
  for (const [line, first] of [
    ['@hourly', '2026-06-01T01:00'],
    ['@daily', '2026-06-02T00:00'],
    ['@weekly', '2026-06-07T00:00'],
    ['@monthly', '2026-07-01T00:00'],
    ['@yearly', '2027-01-01T00:00'],
  ] as const) {
    expect(next(line, 'UTC', { ...from, times: 1 })).toEqual([first]);
  }
  expect(nextInstant({ cron: '*/20 * * * * *', timezone: 'UTC' }, 1_000)).toBe(20_000);
});

const mistake = (cron: string, timezone = 'UTC'): string => {
  try {
    checkCron({ cron, timezone });
    return '';
  } catch (thrown) {
    return thrown instanceof Fault ? `${thrown.code} ${thrown.message}` : String(thrown);
  }
};

test('a mistake names its field', () => {
  const forms = 'alone, as a list (1,5), a range (1-5), a step (*/5), or * for all';
  const example = 'for example 30 2 * * 1-5 is 2:30 on working days';
  const told = (line: string) => mistake(line).replace(forms, 'FORMS').replace(`; ${example}`, ' EXAMPLE');
  expect(told('61 * * * *')).toBe('INVALID_PARAMS cron: minute 61: takes 0 to 59, FORMS EXAMPLE');
  expect(told('0 25 * * *')).toContain('cron: hour 25: takes 0 to 23, FORMS EXAMPLE');
  expect(told('0 0 32 * *')).toContain('cron: day of month 32: takes 1 to 31, FORMS EXAMPLE');
  expect(told('0 0 * foo *')).toContain('cron: month foo: takes 1 to 12 or jan to dec, FORMS EXAMPLE');
  expect(told('0 0 * * noday')).toContain('cron: day of week noday: takes 0 to 7 or sun to sat, FORMS EXAMPLE');
  expect(told('99 0 0 * * *')).toContain('cron: second 99: takes 0 to 59, FORMS EXAMPLE');
  expect(told('* * * *')).toContain(
    'cron: has 4 fields; it takes 5 (minute, hour, day of month, month, day of week), or',
  );
  expect(told('soon')).toContain('cron: has 1 field; it takes 5');
  expect(told('0 0 0 1 1 * 2030')).toMatch(/cron: has 7 fields.* EXAMPLE$/);
  expect(told('@sometimes')).toContain(
    'cron: @sometimes is none of @hourly, @daily, @weekly, @monthly, @yearly EXAMPLE',
  );
  for (const line of ['30 2 * * 1-5', '1,5 1-5 */5 jan-dec sun-sat', '@hourly', '@yearly', '0 0 31 12 7']) {
    expect([line, mistake(line)]).toEqual([line, '']);
  }
  // What the library would read beside that.
  for (const line of ['0 0 L * *', '0 0 1W * *', '0 0 * * 1#2', '* * * * ?', '0 0 * * 5L', '@annually', '@HOURLY']) {
    expect([line, mistake(line)]).toEqual([line, expect.stringContaining('INVALID_PARAMS cron: ')]);
  }
  expect(mistake('@daily', '+02:00')).toMatch(/INVALID_PARAMS timezone:/);
  expect(mistake('0 0 31 2 *')).toMatch(/never comes/);
  expect(mistake('@daily', 'Mars/Base')).toMatch(/INVALID_PARAMS timezone:/);
  expect(mistake('0 0 29 2 *')).toBe('');
});

const START = Date.UTC(2026, 0, 1);
const everySecond = { cron: '* * * * * *', timezone: 'UTC' };
const everyHour = { cron: '@hourly', timezone: 'UTC' };
const HOUR = 3_600_000;
const due = (
  line: typeof everyHour,
  planned: number,
  at: { now: number; seen_at?: number; catch_up: CatchUp },
): number[] => [...dueInstants(line, planned, at).instants];

test('what is late fires, each instant; what was missed goes by catch_up', () => {
  const now = START + 3 * HOUR;
  expect(due(everyHour, START + HOUR, { now, catch_up: 'last' })).toEqual([now]);
  expect(due(everyHour, START + HOUR, { now, catch_up: 'none' })).toEqual([now]);
  expect(due(everyHour, START + HOUR, { now, catch_up: 'all' })).toEqual([START + HOUR, START + 2 * HOUR, now]);
  const seconds = due(everySecond, START + 1_000, { now: START + 3_500, catch_up: 'none' });
  expect(seconds).toEqual([START + 1_000, START + 2_000, START + 3_000]);
});

test('what waits for its turn since it was found to be due is not missed by that', () => {
  const at = { now: START + 60_000, seen_at: START + 500 } as const;
  for (const catch_up of ['none', 'last', 'all'] as const) {
    expect(due(everyHour, START, { ...at, catch_up })).toEqual([START]);
    expect(due(everySecond, START, { ...at, catch_up })).toHaveLength(61);
  }
  const later = { now: START + 60_000, seen_at: START + 10_000 } as const;
  expect(due(everySecond, START, { ...later, catch_up: 'last' })).toHaveLength(51);
  expect(due(everySecond, START, { ...later, catch_up: 'none' })).toHaveLength(LATE_MS / 1_000 + 50);
});

test('a long time away costs little, and all is at most a thousand', () => {
  const now = START + 400 * 24 * HOUR + 500;
  const last = due(everySecond, START, { now, catch_up: 'last' });
  expect(last).toEqual([now - 500]);
  const all = due(everySecond, START, { now, catch_up: 'all' });
  expect(all.slice(0, 2)).toEqual([START, START + 1_000]);
  expect(all).toHaveLength(1_000);
  const rare = { cron: '0 0 29 2 *', timezone: 'UTC' };
  const leap = Date.UTC(2028, 1, 29);
  expect(due(rare, leap, { now: Date.UTC(2031, 0, 1), catch_up: 'last' })).toEqual([leap]);
  expect(dueInstants(rare, leap, { now: Date.UTC(2031, 0, 1), catch_up: 'last' }).next).toBe(Date.UTC(2032, 1, 29));
});
