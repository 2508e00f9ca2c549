/** Conditions: what holds, what does not, and what may not be stored. */
import { expect, test } from 'vitest';
import { type Conditions, conditionsHold, conditionsSchema, edgesOf } from './conditions.ts';

const holds = (conditions: Conditions, context: Conditions): boolean => conditionsHold(conditions, context);

test.each([
  ['10.0.0.0/8', '10.255.0.1', true],
  ['10.0.0.0/8', '11.0.0.0', false],
  ['10.1.2.3/8', '10.9.9.9', true],
  ['10.0.0.1', '10.0.0.1', true],
  ['10.0.0.1', '10.0.0.2', false],
  ['0.0.0.0/0', '255.255.255.255', true],
  ['10.0.0.0/32', '10.0.0.0', true],
  ['128.0.0.0/1', '192.0.2.1', true],
  ['128.0.0.0/1', '127.255.255.255', false],
  ['fd00::/8', 'fd12:3456::1', true],
  ['fd00::/8', 'fe80::1', false],
  ['2001:db8::/32', '2001:0db8:0:0:0:0:0:1', true],
  ['::1/128', '::1', true],
  ['::/0', 'fe80::1', true],
  // A mapped address is the IPv4 one, on either side.
  ['10.0.0.0/8', '::ffff:10.1.2.3', true],
  ['10.0.0.0/8', '::ffff:a01:203', true],
  ['::ffff:10.0.0.0/104', '10.1.2.3', true],
  ['::ffff:10.0.0.0/104', '11.1.2.3', false],
  ['::/0', '10.1.2.3', false],
  ['::/0', '::ffff:10.1.2.3', false],
  ['0.0.0.0/0', '::1', false],
  ['10.0.0.0/8', 'ten', false],
  ['10.0.0.0/8', '', false],
  ['10.0.0.0/8', '010.1.2.3', false],
  ['fe80::/10', 'fe80::1%eth0', false],
])('%s and the address %s: %s', (range, ip, expected) => {
  expect(holds({ ip_range: range }, { ip })).toBe(expected);
  expect(holds({ ip_range: ['192.0.2.0/24', range] }, { ip })).toBe(expected);
});

test('an address that is missing or no text is in no range', () => {
  const contexts: Conditions[] = [{}, { ip: null }, { ip: 5 }, { ip: ['10.0.0.1'] }];
  for (const context of contexts) {
    expect(holds({ ip_range: '0.0.0.0/0' }, context)).toBe(false);
  }
});

test('a key is a key whatever its name', () => {
  const named: unknown = JSON.parse('{"__proto__":1}');
  const kept = conditionsSchema.parse(named);
  expect(JSON.stringify(kept)).toBe('{"__proto__":1}');
  expect([holds(kept, {}), holds(kept, conditionsSchema.parse(named))]).toEqual([false, true]);
});

test('a window holds from its start up to its end', () => {
  const time_window = { start: '2030-01-01T00:00:00Z', end: '2030-01-01T02:00:00+01:00' };
  const at = (now: string) => holds({ time_window }, { now });
  expect(at('2029-12-31T23:59:59.999Z')).toBe(false);
  expect(at('2030-01-01T00:00:00.000Z')).toBe(true);
  expect(at('2030-01-01T00:59:59.999Z')).toBe(true);
  expect(at('2030-01-01T01:00:00.000Z')).toBe(false);
  expect(at('soon')).toBe(false);
  expect(holds({ time_window: {} }, { now: '2030-01-01T00:00:00Z' })).toBe(true);
  expect(holds({ time_window: {} }, {})).toBe(false);
  // A time that is another one where the server stands elsewhere, or that is none.
  for (const now of ['2030-01-01T00:30:00', '2030-01-01 00:30', 'January 1, 2030 00:30 UTC', '2030-01-01', 'now']) {
    expect([now, holds({ time_window: {} }, { now })]).toEqual([now, false]);
  }
  // The hour that comes twice where clocks go back in between.
  const twice = { start: '2026-10-25T02:30:00+02:00', end: '2026-10-25T02:30:00+01:00' };
  const during = (now: string) => holds({ time_window: twice }, { now });
  expect(['00:29:59.999Z', '00:30:00Z', '01:29:59.999Z', '01:30:00Z'].map((at) => during(`2026-10-25T${at}`))).toEqual([
    false,
    true,
    true,
    false,
  ]);
  expect(edgesOf({ time_window })).toEqual([Date.UTC(2030, 0, 1), Date.UTC(2030, 0, 1, 1)]);
});

test.each<[Conditions, Conditions, boolean]>([
  [{}, {}, true],
  [{ team: 'red' }, { team: 'red', more: 1 }, true],
  [{ team: 'red' }, { team: 'blue' }, false],
  [{ team: 'red' }, {}, false],
  [{ team: null }, {}, false],
  [{ team: null }, { team: null }, true],
  [{ n: 1 }, { n: '1' }, false],
  [{ o: { a: 1, b: [1, { c: 2 }] } }, { o: { b: [1, { c: 2 }], a: 1 } }, true],
  [{ o: [1, 2] }, { o: [2, 1] }, false],
  [{ o: [] }, { o: {} }, false],
  [{ o: {} }, { o: { a: 1 } }, false],
  [{ constructor: 'x' }, {}, false],
  [{ team: 'red', ip_range: '10.0.0.0/8' }, { team: 'red', ip: '11.0.0.1' }, false],
])('%j in the context %j: %s', (conditions, context, expected) => {
  expect(holds(conditions, context)).toBe(expected);
});

test.each([
  [{ ip_range: '10.0.0.0/33' }],
  [{ ip_range: '10.0.0/8' }],
  [{ ip_range: '10.0.0.0/08' }],
  [{ ip_range: '10.0.0.0/8/8' }],
  [{ ip_range: '::/129' }],
  [{ ip_range: [] }],
  [{ ip_range: ['10.0.0.0/8', 'x'] }],
  [{ ip_range: null }],
  [{ time_window: { start: 'monday' } }],
  [{ time_window: { begin: '2030-01-01T00:00:00Z' } }],
  [{ time_window: '2030' }],
  [{ text: 'a\u0000b' }],
  [{ text: 'x'.repeat(4090) }],
  [[]],
  ['x'],
  [null],
])('%j may not be stored', (conditions) => {
  expect(conditionsSchema.safeParse(conditions).success).toBe(false);
});
