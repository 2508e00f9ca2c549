/** edit as a call: what is written, told and refused, and that two edits at once never lose one. The rules of matching are in edit.test.ts. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../../test/harness.ts';
import { eventsAfter, seqOf, usageOf } from '../../../test/ledger.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ environment: { NEXUS_LIMIT_EDIT_BYTES: '3000000', NEXUS_LIMIT_EDITS: '5' } });
});
afterAll(async () => {
  const { counted, real } = await usageOf(server);
  expect(counted).toEqual(real);
  await server.stop();
});

const write = (path: string, content: string, more: object = {}) => server.ok('write', { path, content, ...more });
const edit = (path: string, edits: unknown, more: object = {}) => server.ok('edit', { path, edits, ...more });
const text = (path: string): Promise<string> => server.ok('read', { path, encoding: 'utf-8' });
const sha256 = (content: string): string => createHash('sha256').update(content).digest('hex');

test('applies edits in order as one new version', async () => {
  await write('/e1', 'one\ntwo\nthree\n', { metadata: { k: 1 }, content_type: 'text/x-mine' });
  const seq = await seqOf(server);
  const result = await edit('/e1', [
    ['two', 'zwei'],
    { old_str: 'zwei', new_str: 'deux', hint_line: null, allow_multiple: null },
  ]);
  expect(result).toMatchObject({
    success: true,
    applied_count: 2,
    matches: [
      { edit_index: 0, match_type: 'exact', similarity: 1, match_count: 1, line_start: 2, line_end: 2 },
      { edit_index: 1, original_text: 'zwei' },
    ],
    errors: [],
    preview: false,
    path: '/e1',
    version: 2,
    size: 15,
    etag: sha256('one\ndeux\nthree\n'),
    diff: '--- a/e1\n+++ b/e1\n@@ -1,3 +1,3 @@\n one\n-two\n+deux\n three\n',
  });
  expect(result).not.toHaveProperty('new_content');
  const now = await server.ok('stat', { path: '/e1' });
  expect(now).toMatchObject({ etag: result.etag, version: 2, modified_at: result.modified_at, metadata: { k: 1 } });
  expect(now.content_type).toBe('text/x-mine');
  expect(await eventsAfter(server, seq)).toMatchObject([
    { type: 'write', path: '/e1', data: { via: 'edit', version: 2, etag: result.etag } },
  ]);
});

test('changes nothing when one edit finds no place', async () => {
  const { etag, modified_at } = await write('/e2', 'alpha\nbeta\nbeta\n');
  const seq = await seqOf(server);
  const result = await edit('/e2', [
    ['alpha', 'gamma'],
    ['beta', 'delta'],
    ['nothing like it', 'x'],
  ]);
  expect(result).toMatchObject({ success: false, applied_count: 0, diff: '', etag, version: 1, size: 16, modified_at });
  expect(result.errors).toMatchObject([
    { edit_index: 1, code: 'AMBIGUOUS', lines: [2, 3] },
    { edit_index: 2, code: 'NO_MATCH' },
  ]);
  expect(await seqOf(server)).toBe(seq);
  expect(await text('/e2')).toBe('alpha\nbeta\nbeta\n');
  expect(await edit('/e2', [{ old_str: 'beta', new_str: 'delta', hint_line: 3 }])).toMatchObject({ success: true });
  expect(await text('/e2')).toBe('alpha\nbeta\ndelta\n');
});

test('preview tells what would be and writes nothing', async () => {
  const { etag } = await write('/e3', 'a\n');
  const seq = await seqOf(server);
  const result = await edit('/e3', [['a', 'b']], { preview: true });
  expect(result).toMatchObject({ success: true, preview: true, new_content: 'b\n', etag, version: 1, size: 2 });
  expect(result.diff).toContain('-a\n+b\n');
  const none = await edit('/e3', [['c', 'd']], { preview: true, fuzzy_threshold: 1 });
  expect(none).toMatchObject({ success: false, preview: true });
  expect(none).not.toHaveProperty('new_content');
  await write('/e3-large', 'x'.repeat(1024 * 1024));
  const large = await edit('/e3-large', [{ old_str: 'x'.repeat(10), new_str: 'yy', hint_line: 1 }], { preview: true });
  expect(large.new_content).toHaveLength(1024 * 1024 - 8);
  const larger = await edit('/e3-large', [{ old_str: 'xx', new_str: 'y'.repeat(100), hint_line: 1 }], {
    preview: true,
  });
  expect(larger.success).toBe(true);
  expect(larger).not.toHaveProperty('new_content');
  expect(await seqOf(server)).toBe(seq + 1);
  expect(await text('/e3')).toBe('a\n');
});

test('keeps the representation of the file, a byte order mark and what is not touched', async () => {
  await write('/e4', Buffer.from('\ufeffa\r\nb\r\n').toString('base64'), { encoding: 'base64' });
  expect(await edit('/e4', [['b', 'c']])).toMatchObject({ success: true });
  expect(await server.ok('stat', { path: '/e4' })).toMatchObject({ encoding: 'base64' });
  expect(await text('/e4')).toBe('\ufeffa\r\nc\r\n');
});

test('reads and writes large content, with texts over 1 MiB', async () => {
  const big = 'line\n'.repeat(20_000);
  await write('/e5', `${big}end\n`);
  const huge = 'h'.repeat(1_500_000);
  expect(await edit('/e5', [['end', huge]])).toMatchObject({ success: true, size: 100_001 + 1_500_000 });
  expect(await edit('/e5', [[huge, 'end']])).toMatchObject({ success: true, etag: sha256(`${big}end\n`) });
});

describe('at once', () => {
  test('32 edits of one file all arrive, each as a version and an event', async () => {
    const line = (n: number): string => `line ${String(n).padStart(2, '0')}`;
    const lines = Array.from({ length: 32 }, (_, n) => line(n));
    await write('/at-once/edits', lines.join('\n'));
    const seq = await seqOf(server);
    const results = await Promise.all(lines.map((one) => edit('/at-once/edits', [[one, `${one}, edited`]])));
    expect(results.every(({ success }) => success)).toBe(true);
    expect(results.map(({ version }) => version).sort((a, b) => a - b)).toEqual(lines.map((_, n) => n + 2));
    expect(await text('/at-once/edits')).toBe(lines.map((one) => `${one}, edited`).join('\n'));
    expect(await eventsAfter(server, seq)).toHaveLength(32);
  });

  test('edits, appends and large content do not lose each other', async () => {
    const big = `${'b'.repeat(70_000)}\n`;
    await write('/at-once/mixed', `${big}start\n`);
    const calls = Array.from({ length: 12 }, (_, n) =>
      n % 2 === 0
        ? server.ok('append', { path: '/at-once/mixed', content: `appended ${n}\n` })
        : edit('/at-once/mixed', [['start\n', `start\nedited ${n}\n`]]),
    );
    await Promise.all(calls);
    const lines = (await text('/at-once/mixed')).slice(big.length).trimEnd().split('\n');
    expect(lines.toSorted()).toEqual(
      ['start', ...Array.from({ length: 12 }, (_, n) => `${n % 2 === 0 ? 'appended' : 'edited'} ${n}`)].toSorted(),
    );
  });

  test('of 32 writes on one etag one wins', async () => {
    const { etag } = await write('/at-once/match', 'base');
    const writes = Array.from({ length: 32 }, (_, n) =>
      server.rpc('write', { path: '/at-once/match', content: `${n}`, if_match: etag }),
    );
    const outcomes = await Promise.all(writes);
    expect(outcomes.filter(({ error }) => error === null)).toHaveLength(1);
    expect(outcomes.flatMap(({ error }) => (error ? [error.data.code] : []))).toEqual(Array(31).fill('ETAG_MISMATCH'));
    expect(await server.ok('stat', { path: '/at-once/match' })).toMatchObject({ version: 2 });
  });

  test('an edit on an etag is refused once the file has changed', async () => {
    const { etag } = await write('/at-once/stale', 'a b');
    const outcomes = await Promise.all(
      ['a', 'b'].map((one) => server.rpc('edit', { path: '/at-once/stale', edits: [[one, 'c']], if_match: etag })),
    );
    expect(outcomes.map(({ error }) => error?.data.code).toSorted()).toEqual(['ETAG_MISMATCH', undefined]);
  });
});

test('faults come in their order and change nothing', async () => {
  await write('/f/text', 'text');
  await write('/f/binary', '/w==', { encoding: 'base64' });
  await write('/f/large', 'x'.repeat(3_000_001));
  await server.ok('mkdir', { path: '/f/dir' });
  const reader = await server.addKey({ grants: [['direct_viewer', '/f']] });
  const seq = await seqOf(server);
  const other = 'e'.repeat(64);
  const some = [['text', 'other']];
  const cases: [string, unknown, object, string, string?][] = [
    ['/f/none', some, {}, 'FILE_NOT_FOUND'],
    ['/f/dir', some, {}, 'IS_A_DIRECTORY'],
    ['/', some, {}, 'IS_A_DIRECTORY'],
    ['/f/text/x', some, {}, 'NOT_A_DIRECTORY'],
    ['/f/..', some, {}, 'INVALID_PATH'],
    ['/f/text', some, { if_match: other }, 'ETAG_MISMATCH'],
    ['/f/binary', some, { if_match: other }, 'ETAG_MISMATCH'],
    ['/f/binary', some, {}, 'NOT_TEXT'],
    ['/f/large', some, {}, 'LIMIT_EXCEEDED'],
    ['/f/text', [['text', 'x'.repeat(3_000_001)]], {}, 'LIMIT_EXCEEDED'],
    ['/f/text', Array(6).fill(['text', 'x']), {}, 'LIMIT_EXCEEDED'],
    ['/f/none', [['', 'x']], {}, 'INVALID_PARAMS'],
    ['/f/none', [['x', 'x']], {}, 'INVALID_PARAMS'],
    ['/f/none', [['x', '\ud800']], {}, 'INVALID_PARAMS'],
    ['/f/text', [], {}, 'INVALID_PARAMS'],
    ['/f/text', [['text']], {}, 'INVALID_PARAMS'],
    ['/f/text', [{ old_str: 'text' }], {}, 'INVALID_PARAMS'],
    ['/f/text', [{ old_str: 'text', new_str: 'x', hint_line: 0 }], {}, 'INVALID_PARAMS'],
    ['/f/text', some, { fuzzy_threshold: 1.1 }, 'INVALID_PARAMS'],
    ['/f/text', some, {}, 'ACCESS_DENIED', reader],
    ['/f/none', some, { preview: true }, 'ACCESS_DENIED', reader],
  ];
  for (const [path, edits, more, code, key] of cases) {
    expect([path, code, await server.fault('edit', { path, edits, ...more }, key)]).toEqual([path, code, code]);
  }
  expect(await seqOf(server)).toBe(seq);
});

test('a path of another zone keeps its prefix, and its quota counts', async () => {
  await server.addZone('edits', { max_storage_bytes: 5 });
  await write('/zone/edits/a', 'abc');
  const result = await edit('/zone/edits/a', [['abc', 'abcd']]);
  expect(result).toMatchObject({ path: '/zone/edits/a', size: 4 });
  expect(result.diff).toContain('+++ b/zone/edits/a\n');
  expect(await server.fault('edit', { path: '/zone/edits/a', edits: [['abcd', 'abcdef']] })).toBe('QUOTA_EXCEEDED');
  expect((await usageOf(server, 'edits')).counted).toEqual({ files: 1, bytes: 4, tuples: 0 });
});

describe('what takes long', { timeout: 60_000 }, () => {
  const lines = (count: number, of: (i: number) => string): string =>
    Array.from({ length: count }, (_, i) => of(i)).join('\n');
  /** Lists that are answered, one after the other, before the work is. */
  const listsBeside = async (work: Promise<unknown>): Promise<number> => {
    let isOver = false;
    const over = work.then(() => {
      isOver = true;
    });
    let lists = 0;
    for (; !isOver && lists < 20; lists++) await server.ok('list', { path: '/long' });
    await over;
    return lists;
  };

  test('matching leaves the thread of long reads to others', async () => {
    await write(
      '/long/matched',
      lines(25_000, (i) => `line number ${i} aaabbbcc`),
    );
    const edits = Array.from({ length: 5 }, (_, i) => [`lime nuumber ${i} aaabbbbcc\nfoo bar baz qux`, `z${i}`]);
    const edited = edit('/long/matched', edits).then((result) => expect(result).toMatchObject({ success: false }));
    expect(await listsBeside(edited)).toBe(20);
  });

  test('so does a diff, of an edit too', async () => {
    const before = lines(12_000, (i) => String(i));
    const after = lines(12_000, (i) => String((i * 7_919) % 12_000));
    await write('/long/compared', before);
    const edited = edit('/long/compared', [[before, after]]).then(({ diff }) => expect(diff).toContain('\n-1\n'));
    expect(await listsBeside(edited)).toBe(20);
    const compared = server.ok('diff_versions', { path: '/long/compared', v1: 1, v2: 2 });
    expect(await listsBeside(compared)).toBe(20);
    expect(await compared).toMatchObject({ identical: false, binary: false });
  });
});
