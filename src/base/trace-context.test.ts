/** What of a `tracestate` is sent on: its form and its bounds (W3C Trace Context §3.3). */
import { expect, test } from 'vitest';
import { inTrace, readTracestate, traceHeader, tracestateAtHand } from './trace-context.ts';

const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
const read = (tracestate: string | undefined): string | undefined => readTracestate({ traceparent, tracestate });
const member = (key: string, characters: number): string => `${key}=${'x'.repeat(characters - key.length - 1)}`;

test('members stay in their order, without what is empty between them', () => {
  expect(read('rojo=00f067aa,congo=t61')).toBe('rojo=00f067aa,congo=t61');
  expect(read(' rojo=1 ,\t, 5t@sys-1=a b:c ,')).toBe('rojo=1,5t@sys-1=a b:c');
});

test.each([
  undefined,
  '',
  ' , ',
  'rojo',
  'rojo=',
  '=1',
  'Rojo=1',
  'ro jo=1',
  'rojo=a=b',
  'rojo=caf\u00e9',
  'rojo=1\u0000',
  'rojo=1,rojo=2',
  member('k', 300),
  `${'k'.repeat(257)}=1`,
  Array.from({ length: 33 }, (_, i) => `k${i}=1`).join(),
])('nothing is made of %j', (text) => {
  expect(read(text)).toBeUndefined();
});

test('what belongs to no trace is not sent on', () => {
  expect(readTracestate({ traceparent: undefined, tracestate: 'rojo=1' })).toBeUndefined();
  expect(
    readTracestate({ traceparent: `00-${'0'.repeat(32)}-${'b'.repeat(16)}-01`, tracestate: 'a=1' }),
  ).toBeUndefined();
});

test('of more than 512 characters those that are long go first, then the last', () => {
  const few = ['a', 'b', 'c', 'd'].map((key) => member(key, 127));
  expect(read([...few, 'e='].join())).toBeUndefined();
  expect(read(few.join())).toHaveLength(511);
  expect(read([member('z', 200), ...few].join())).toBe(few.join());
  expect(read([...few, 'e=1'].join())).toBe(few.join());
  expect(read([member('y', 257), member('z', 257)].join())).toBeUndefined();
});

test('it goes with the trace at hand, and with no other', () => {
  const request_id = 'r';
  inTrace({ traceparent, tracestate: 'rojo=1', request_id }, () => {
    expect(traceHeader()).toEqual({ traceparent, tracestate: 'rojo=1', baggage: 'nexus.request_id=r' });
    inTrace({ traceparent, request_id }, () => expect('tracestate' in traceHeader()).toBe(false));
    expect(tracestateAtHand()).toBe('rojo=1');
  });
  expect([tracestateAtHand(), traceHeader()]).toEqual([undefined, {}]);
});
