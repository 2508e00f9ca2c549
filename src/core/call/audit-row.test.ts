/** A row and its line are each made from the other, and hold no text that an engine would keep otherwise. */
import { expect, test } from 'vitest';
import { AUDIT_COLUMNS, auditLine, auditRow, auditValues, rowOfLine } from './audit-row.ts';

const way = { channel: 'rpc', request_id: 'id', address: '::1' };
const who = { subject_type: 'user', subject_id: 'ada', key_id: 'key-1', agent_id: 'scout' };
const facts = {
  at: 5,
  action: 'file.read',
  effect: 'read',
  object: '/a',
  outcome: 'failed',
  code: 'FILE_NOT_FOUND',
  duration_ms: 7,
  details: { count: 2 },
} as const;

test('a line is the values in the order of the columns, and gives the row back', () => {
  const row = auditRow(facts, who, way);
  expect(auditValues(row)).toEqual(AUDIT_COLUMNS.map((column) => row[column]));
  expect(rowOfLine(auditLine(row))).toEqual(row);
  expect(Object.keys(row).sort()).toEqual([...AUDIT_COLUMNS].sort());
});

test.each(['', 'nonsense', '{}', '[1,2]', 'null'])('%j is no line of a row', (line) => {
  expect(rowOfLine(line)).toBeUndefined();
});

test('whoever has no name is told by the type alone', () => {
  expect(auditRow(facts, { ...who, subject_type: 'anonymous', subject_id: '' }, way).actor).toBe('anonymous');
});

test.each([
  ['/a\u0000b', '/a\ufffdb'],
  ['/a\ud800b', '/a\ufffdb'],
  ['x'.repeat(10_000), 'x'.repeat(4096)],
])('the object %j is kept as every engine gives it back', (object, kept) => {
  expect(auditRow({ ...facts, object }, who, way).object).toBe(kept);
});
