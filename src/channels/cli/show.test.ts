/** How answers of any shape are shown to people, and in how many columns. */
import { expect, test } from 'vitest';
import { show } from './show.ts';
import { type Column, type Terminal, table } from './terminal.ts';

function terminalOf(write: (text: string) => void, columns?: number): Terminal {
  const bytes = async (): Promise<void> => undefined;
  return { json: false, color: false, ...(columns ? { columns } : {}), out: write, err: write, bytes };
}

function shown(answer: unknown, columns?: number): string[] {
  let text = '';
  show(
    terminalOf((more) => {
      text += more;
    }, columns),
    answer,
  );
  return text.trimEnd().split('\n');
}

function rowsOf(columns: readonly Column[], rows: readonly (readonly string[])[], room?: number): string[] {
  let text = '';
  table(
    terminalOf((more) => {
      text += more;
    }, room),
    columns,
    rows,
  );
  return text.trimEnd().split('\n');
}

test('what is inside of an object is a table or lines below its name', () => {
  const answer = {
    nodes: [
      { id: 'n1', region: null, last_seen: '2026-11-22T10:00:00.000Z' },
      { id: 'n2', region: 'north', last_seen: '2026-11-22T10:00:00.000Z' },
    ],
    status: 'healthy',
    components: { sql: { status: 'healthy', latency_ms: 1 }, disk: { status: 'healthy' } },
    usage: { first_bytes: 2048, others: { files: 3 } },
    counts: { queued: 1, running: 0 },
    pairs: [
      ['user', 'a'],
      ['user', 'b'],
    ],
    diff: '-one\n+two\n',
    description: '',
  };
  expect(shown(answer).map((line) => line.replace(/\d{4}-\d\d-\d\d \d\d:\d\d/, 'TIME'))).toEqual([
    'status  healthy',
    'counts  queued 1, running 0',
    'nodes',
    '  ID  REGION  LAST_SEEN',
    '  n1          TIME',
    '  n2  north   TIME',
    'components',
    '        STATUS   LATENCY_MS',
    '  sql   healthy           1',
    '  disk  healthy',
    'usage',
    '  first_bytes  2.0 KiB',
    '  others       files 3',
    'pairs',
    '  user, a',
    '  user, b',
    'diff',
    '  -one',
    '  +two',
  ]);
});

test('an object that is long for a line is lines, and nothing in a cell is JSON', () => {
  expect(shown({ id: 'z', usage: { files: 1, agents: 2 } }, 20)).toEqual([
    'id  z',
    'usage',
    '  files   1',
    '  agents  2',
  ]);
  expect(shown([{ id: 'a', of: { b: { c: [1, 2] } }, list: [{ d: 1 }, { d: 2 }] }])).toEqual([
    'ID  OF            LIST',
    'a   b (c (1, 2))  (d 1), (d 2)',
  ]);
});

test('a page of one list is that list, one of several has each under its name, and both tell how to go on', () => {
  expect(shown({ keys: [{ key_id: 'k' }], total: 1, has_more: true, next_cursor: 'abc' })).toEqual([
    'KEY_ID',
    'k',
    '… more: --cursor abc',
  ]);
  expect(shown({ subjects: [['user', 'a']], foreign: [], everyone: false, has_more: true })).toEqual([
    'everyone  false',
    'subjects',
    '  user, a',
    '… more',
  ]);
});

test('bytes are shown as the text they are, others by their number; a count is no size', () => {
  const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
  expect(shown({ '/a': bytes(104, 105), '/b': bytes(255, 0), l1_size: 12, size: 12, upload_length: 12 })).toEqual([
    '/a             hi',
    '/b             2 B',
    'l1_size        12',
    'size           12 B',
    'upload_length  12 B',
  ]);
});

test('of two names of the same value people see one, and both where the values differ', () => {
  const share = { share_id: 't-1', tuple_id: 't-1', path: '/a', resource: ['file', '/a'], id: 't-1' };
  expect(shown([share])).toEqual(['SHARE_ID  PATH', 't-1       /a']);
  expect(shown([{ ...share, tuple_id: 't-2' }, share])[0]).toBe('SHARE_ID  TUPLE_ID  PATH');
  expect(shown({ id: 'alone', status: 'ok', phase: 'first' })).toEqual([
    'id      alone',
    'status  ok',
    'phase   first',
  ]);
  expect(shown({ '/a': { path: '/a', size: 1 }, '/b': null })).toEqual(['    SIZE', '/a   1 B', '/b']);
});

const LONG = 'word '.repeat(20).trim();

test('rows fit on a line: the widest texts are shortened, and neither the first column nor an id', () => {
  const id = '01a20555-4f18-70cf-ab66-350483073461';
  const columns = [{ title: 'first' }, { title: 'job' }, { title: 'what' }, { title: 'why' }, { title: 'short' }];
  const row = ['f'.repeat(20), id, LONG, LONG, 'short'];
  const [titles = '', line = ''] = rowsOf(columns, [row], 100);
  expect(line).toBe(`${'f'.repeat(20)}  ${id}  word word word…  word word word…  short`);
  expect(titles.length).toBeLessThanOrEqual(100);
  for (const room of [70, 20]) expect(rowsOf(columns, [row], room)[1]).toContain(`${row[0]}  ${id}  word wo…`);
  expect(rowsOf(columns, [row])[1]).toBe(row.join('  '));
  expect(rowsOf(columns, [row], 500)[1]).toBe(row.join('  '));
});

test('columns for which there is no room are left out, and that is said', () => {
  const rows = [{ key_id: 'k'.repeat(28), name: 'of a person', user_id: 'u'.repeat(20), role: 'viewer', made: 'now' }];
  expect(shown(rows, 68)).toEqual([
    'KEY_ID                        NAME      USER_ID               ROLE',
    `${'k'.repeat(28)}  of a pe…  ${'u'.repeat(20)}  viewer`,
    '… more columns: --json',
  ]);
  expect(shown(rows)[0]).toContain('ROLE');
});

test('a type and its id are told in one, and a zone where rows are of several', () => {
  const row = { tuple_id: 't', zone_id: 'z', object_type: 'file', object_id: '/a', relation: 'viewer', of: 'x' };
  expect(shown([row, row])).toEqual([
    'TUPLE_ID  OBJECT   RELATION  OF',
    ...Array(2).fill('t         file:/a  viewer    x'),
  ]);
  const long = `${'of-a-subject-'.repeat(4)}end`;
  expect(shown([{ tuple_id: 't', subject_type: 'user', subject_id: long }], 40)[1]).toBe(`t         user:${long}`);
  const event = { event_id: 'z.1', type: 'write', operation_type: 'write', operation_id: 'z.1' };
  expect(shown([event])[0]).toBe('EVENT_ID  TYPE   OPERATION_ID');
  expect(shown([row, { ...row, zone_id: 'y' }])[0]).toBe('TUPLE_ID  ZONE_ID  OBJECT   RELATION  OF');
  expect(shown([row])[0]).toBe('TUPLE_ID  ZONE_ID  OBJECT   RELATION  OF');
  expect(shown({ object_type: 'file', object_id: '/a' })).toEqual(['object_type  file', 'object_id    /a']);
});

test('of a directory people see the entries, and not their paths once more', () => {
  const entries = [{ path: '/a', size: 1 }];
  for (const files of [entries, ['/a'], []]) {
    expect(shown({ files, entries, has_more: false, next_cursor: null, revision: 3 })).toEqual([
      'PATH  SIZE',
      '/a     1 B',
    ]);
  }
});

test('numbers, times and what a column says is whole are not shortened; wide characters count as two', () => {
  const columns: Column[] = [
    { title: 'a' },
    { title: 'tuple_id' },
    { title: 'number', right: true },
    { title: 'time' },
    { title: 'name', whole: true },
    { title: 'text' },
  ];
  const row = ['a', 'tuple-of-any-form', '1234567890', '2026-11-22 10:00', 'n'.repeat(20), '語'.repeat(20)];
  expect(rowsOf(columns, [row], 90)[1]).toBe([...row.slice(0, 5), `${'語'.repeat(7)}…`].join('  '));
});
