/** Conditional requests, as tables. */
import { describe, expect, test } from 'vitest';
import { httpDate } from './http-date.ts';
import { allowsRange, conditionsOf, decideRead, writeConditions } from './preconditions.ts';

const NOW = Date.UTC(2026, 5, 1);
const MODIFIED = Date.UTC(2026, 0, 1, 12, 0, 0, 400);
const current = { etag: 'abc', modifiedAt: MODIFIED };
const same = httpDate(MODIFIED);
const before = httpDate(MODIFIED - 1000);
const after = httpDate(MODIFIED + 1000);

describe('a read', () => {
  test.each([
    [{}, 'send'],
    [{ 'if-match': '"abc"' }, 'send'],
    [{ 'if-match': '"x", "abc"' }, 'send'],
    [{ 'if-match': '"x","abc"' }, 'send'],
    [{ 'if-match': 'abc' }, 'send'],
    [{ 'if-match': '*' }, 'send'],
    [{ 'if-match': ' * ' }, 'send'],
    [{ 'if-match': '"x"' }, 'failed'],
    [{ 'if-match': 'W/"abc"' }, 'failed'],
    [{ 'if-match': '' }, 'failed'],
    [{ 'if-match': '"ABC"' }, 'failed'],
    [{ 'if-unmodified-since': same }, 'send'],
    [{ 'if-unmodified-since': after }, 'send'],
    [{ 'if-unmodified-since': before }, 'failed'],
    [{ 'if-unmodified-since': 'never' }, 'send'],
    [{ 'if-none-match': '"abc"' }, 'not modified'],
    [{ 'if-none-match': '"x", W/"abc"' }, 'not modified'],
    [{ 'if-none-match': '*' }, 'not modified'],
    [{ 'if-none-match': '"x"' }, 'send'],
    [{ 'if-modified-since': same }, 'not modified'],
    [{ 'if-modified-since': after }, 'not modified'],
    [{ 'if-modified-since': before }, 'send'],
    [{ 'if-modified-since': 'never' }, 'send'],
    // Etags go before times, and what asks for failure before what asks for 304.
    [{ 'if-match': '"abc"', 'if-unmodified-since': before }, 'send'],
    [{ 'if-match': '"x"', 'if-none-match': '"abc"' }, 'failed'],
    [{ 'if-match': '"abc"', 'if-none-match': '"abc"' }, 'not modified'],
    [{ 'if-none-match': '"x"', 'if-modified-since': after }, 'send'],
    [{ 'if-unmodified-since': before, 'if-modified-since': after }, 'failed'],
  ])('%j: %s', (headers, decision) => {
    expect(decideRead(conditionsOf(headers, NOW), current)).toBe(decision);
  });
});

describe('a range', () => {
  test.each([
    [undefined, true],
    ['"abc"', true],
    ['"x"', false],
    ['W/"abc"', false],
    ['*', false],
    ['', false],
    [same, true],
    [before, false],
    [after, false],
  ])('under If-Range %j: %s', (value, allowed) => {
    expect(allowsRange(conditionsOf({ 'if-range': value }, NOW), current, NOW)).toBe(allowed);
  });
});

describe('a change', () => {
  test.each([
    [{}, {}],
    [{ 'if-match': '*' }, { if_match: ['*'] }],
    [{ 'if-match': '"a", W/"b", "c"' }, { if_match: ['a', 'c'] }],
    [{ 'if-match': 'W/"b"' }, { if_match: [] }],
    [{ 'if-none-match': '*' }, { if_none_match: ['*'] }],
    [{ 'if-none-match': '"a", W/"b"' }, { if_none_match: ['a', 'b'] }],
    [{ 'if-unmodified-since': same }, { if_unmodified_since: '2026-01-01T12:00:00.999Z' }],
    [{ 'if-match': '"a"', 'if-unmodified-since': same }, { if_match: ['a'] }],
    [{ 'if-modified-since': same }, {}],
  ])('%j hands on %j', (headers, params) => {
    expect(JSON.parse(JSON.stringify(writeConditions(conditionsOf(headers, NOW))))).toEqual(params);
  });
});
