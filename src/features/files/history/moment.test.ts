/** What a text may be taken for where the tree is asked for as it was. */
import { describe, expect, test } from 'vitest';
import { isSnapshotName, readMoment } from './moment.ts';

describe('as_of', () => {
  test.each([
    [7, { kind: 'revision', revision: 7 }],
    ['0', { kind: 'revision', revision: 0 }],
    ['0012', { kind: 'revision', revision: 12 }],
    ['2026-01-02T03:04:05Z', { kind: 'time', at: Date.UTC(2026, 0, 2, 3, 4, 5) }],
    ['2026-01-02T03:04:05.123456Z', { kind: 'time', at: Date.UTC(2026, 0, 2, 3, 4, 5, 123) }],
    ['2026-01-02T03:04:05+02:00', { kind: 'time', at: Date.UTC(2026, 0, 2, 1, 4, 5) }],
    ['2026-02-30T03:04:05Z', { kind: 'name', name: '2026-02-30T03:04:05Z' }],
    ['before-release', { kind: 'name', name: 'before-release' }],
    ['-1', { kind: 'name', name: '-1' }],
  ])('%s', (as_of, moment) => {
    expect(readMoment(as_of)).toEqual(moment);
  });
});

test.each([
  ['v1', true],
  ['2026-01-02 before', true],
  ['１２', true],
  ['12', false],
  ['2026-01-02', false],
  ['2026-01-02T03:04:05Z', false],
  ['2026-01-02T03:04:05', false],
  ['2026-01-02 03:04', false],
  ['2026-01-02T03:04Z', false],
  ['20260102T030405+0200', false],
  ['2026-01', true],
  ['2026-01-02T03:04 tag', true],
  ['', false],
  [' x', false],
])('is %j a name for a snapshot? %s', (name, may) => {
  expect(isSnapshotName(name)).toBe(may);
});
