/** grep over a tree (files.md §9): what it finds, what it hides, its pages, its faults. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { grepping } from '../../../../test/grepping.ts';
import { forEachEngine, startTestServer, type TestServer } from '../../../../test/harness.ts';
import { writeCursor } from '../../../base/cursor.ts';

forEachEngine('grep', (engine) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ engine });
  });
  afterAll(() => server.stop());

  const { write, whole, grep, paged } = grepping(() => server);

  describe('what it finds', () => {
    beforeAll(async () => {
      await write('/f/a.ts', 'first\nhas Word one\r\nlast word\n');
      await write('/f/sub/b.md', '# word\n\n(a+b)\n');
      await write('/f/sub/c.ts', 'no\n\u{1f600} word');
    });

    test('matches with all their fields', async () => {
      const { matches, files_searched } = await whole({ pattern: 'w[a-z]rd', path: '/f' });
      const path = '/f/a.ts';
      const place = { line: 3, line_number: 3, column: 6 };
      expect(matches[0]).toEqual({ path, file: path, ...place, content: 'last word', match: 'word' });
      expect(matches.map((match) => [match.path, match.line, match.column])).toEqual([
        ['/f/a.ts', 3, 6],
        ['/f/sub/b.md', 1, 3],
        ['/f/sub/c.ts', 2, 3],
      ]);
      expect(files_searched).toBe(3);
    });

    test('lines around, when asked', async () => {
      const { matches } = await whole({ pattern: 'Word', path: '/f', before_context: 2, after_context: 1 });
      expect(matches).toMatchObject([{ content: 'has Word one', before: ['first'], after: ['last word'] }]);
    });

    test('any case, or the text itself, when asked', async () => {
      expect(await grep({ pattern: 'WORD', path: '/f' })).toEqual([]);
      expect(await grep({ pattern: 'WORD', path: '/f', ignore_case: true })).toEqual([
        '/f/a.ts:2',
        '/f/a.ts:3',
        '/f/sub/b.md:1',
        '/f/sub/c.ts:2',
      ]);
      const { matches } = await whole({ pattern: 'WORD( one)?', path: '/f', ignore_case: true });
      expect(matches.map(({ match }) => match)).toEqual(['Word one', 'word', 'word', 'word']);
      expect(await grep({ pattern: '(a+b)', path: '/f', fixed: true })).toEqual(['/f/sub/b.md:3']);
      expect(await grep({ pattern: '(A+B)', path: '/f', fixed: true, ignore_case: true })).toEqual(['/f/sub/b.md:3']);
      expect(await grep({ pattern: '^$', path: '/f' })).toEqual(['/f/sub/b.md:2']);
    });

    test('in a file, in a folder, in files that a glob chooses', async () => {
      const pattern = 'word';
      expect(await grep({ pattern, path: '/f/a.ts' })).toEqual(['/f/a.ts:3']);
      expect(await grep({ pattern, path: 'f/sub/' })).toEqual(['/f/sub/b.md:1', '/f/sub/c.ts:2']);
      expect(await grep({ pattern, path: '/f', file_pattern: '*.ts' })).toEqual(['/f/a.ts:3']);
      expect(await grep({ pattern, path: '/f', file_pattern: '**/*.ts' })).toEqual(['/f/a.ts:3', '/f/sub/c.ts:2']);
      expect(await grep({ pattern, path: '/f', file_pattern: '/f/sub/*' })).toEqual(['/f/sub/b.md:1', '/f/sub/c.ts:2']);
      expect(await grep({ pattern, path: '/f', exclude: ['**/*.md', 'a.*'] })).toEqual(['/f/sub/c.ts:2']);
      expect(await grep({ pattern, path: '/f/a.ts', file_pattern: '*.ts' })).toEqual(['/f/a.ts:3']);
      expect(await grep({ pattern, path: '/f/a.ts', file_pattern: 'a.ts' })).toEqual(['/f/a.ts:3']);
      expect(await grep({ pattern, path: '/f/a.ts', exclude: '*.ts' })).toEqual([]);
      expect(await grep({ pattern, path: '/f', file_pattern: '/g/**' })).toEqual([]);
      expect(await grep({ pattern, path: '/f/none' })).toEqual([]);
    });

    test('odd paths and texts, written as JSON has them', async () => {
      await write('/odd/"q" \\ \u{1f600}.txt', 'say "hi" \\ \u{1f600}\t\u2028end\u0001\nx');
      const [match] = (await whole({ pattern: 'hi', path: '/odd', after_context: 1 })).matches;
      expect(match).toMatchObject({
        path: '/odd/"q" \\ \u{1f600}.txt',
        content: 'say "hi" \\ \u{1f600}\t\u2028end\u0001',
      });
      expect(match?.after).toEqual(['x']);
    });
  });

  describe('what it hides', () => {
    test('what the caller may not read', async () => {
      for (const path of ['/h/a/1', '/h/a/2', '/h/b/1', '/h/b/c/2']) await write(path, 'hidden?');
      const pattern = 'hidden';
      const grants = [
        ['direct_viewer', '/h/a'],
        ['direct_viewer', '/h/b/c/2'],
      ] as const;
      const key = await server.addKey({ grants });
      expect(await grep({ pattern }, key)).toEqual(['/h/a/1:1', '/h/a/2:1', '/h/b/c/2:1']);
      expect(await grep({ pattern, path: '/h/b' }, key)).toEqual(['/h/b/c/2:1']);
      expect(await grep({ pattern, path: '/h/b/1' }, key)).toEqual([]);
      expect((await whole({ pattern }, await server.addKey({}))).files_searched).toBe(0);
    });

    test('the other zone, unless the path names it', async () => {
      await server.addZone('grep-zone');
      await server.ok('write', { zone_id: 'grep-zone', path: '/s/a', content: 'zoned\nzoned' });
      expect(await grep({ pattern: 'zoned' })).toEqual([]);
      const path = '/zone/grep-zone/s';
      expect(await grep({ pattern: 'zoned', path })).toEqual([`${path}/a:1`, `${path}/a:2`]);
      expect((await paged({ pattern: 'zoned', path, limit: 1 })).found).toEqual([`${path}/a:1`, `${path}/a:2`]);
    });
  });

  describe('pages', () => {
    const lines = (n: number): string => Array.from({ length: n }, (_, i) => `page ${i}\nelse`).join('\n');

    test('together show one moment of the tree, and need nothing but pattern and cursor', async () => {
      await write('/p/a', lines(3));
      await write('/p/b', 'nothing');
      await write('/p/c', lines(2));
      await write('/p/d', lines(1));
      const asked = { pattern: 'PAGE', path: '/p', ignore_case: true, exclude: ['d'], before_context: 1 };
      const first = await server.ok('grep', { ...asked, limit: 2 });
      expect(first).toMatchObject({ matches: [{ line: 1 }, { line: 3 }], has_more: true, files_searched: 1 });
      await write('/p/a', 'gone');
      await write('/p/aa', lines(1));
      await server.ok('delete', { path: '/p/c' });
      const second = await server.ok('grep', { pattern: 'PAGE', cursor: first.next_cursor, max_results: 2 });
      expect(second).toMatchObject({ has_more: true, files_searched: 2 });
      expect(second.matches.map(({ path, line, before }) => [path, line, before])).toEqual([
        ['/p/a', 5, ['else']],
        ['/p/c', 1, []],
      ]);
      expect(await grep({ ...asked, cursor: second.next_cursor })).toEqual(['/p/c:3']);
      expect(await grep({ pattern: 'page', path: '/p' })).toEqual(['/p/aa:1', '/p/d:1']);
    });

    test('of any size have every match and file once', async () => {
      for (let i = 0; i < 9; i++) await write(`/q/${i}`, i % 3 === 0 ? 'none' : lines(i));
      const { matches, files_searched } = await whole({ pattern: 'page', path: '/q' });
      const expected = matches.map(({ path, line }) => `${path}:${line}`);
      for (const limit of [1, 2, 5, expected.length - 1, expected.length]) {
        const { found, searched, pages } = await paged({ pattern: 'page', path: '/q', limit });
        expect([limit, found, searched, pages]).toEqual([
          limit,
          expected,
          files_searched,
          Math.ceil(expected.length / limit),
        ]);
      }
    });
  });

  describe('faults', () => {
    test.each([
      ['no pattern', {}, 'INVALID_PARAMS'],
      ['a limit below 1', { pattern: 'a', limit: 0 }, 'INVALID_PARAMS'],
      ['max_results below 1', { pattern: 'a', max_results: 0 }, 'INVALID_PARAMS'],
      ['too much context', { pattern: 'a', before_context: 11 }, 'INVALID_PARAMS'],
      ['context below 0', { pattern: 'a', after_context: -1 }, 'INVALID_PARAMS'],
      ['no expression', { pattern: '(' }, 'INVALID_PATTERN'],
      ['a back-reference', { pattern: '(a)\\1' }, 'INVALID_PATTERN'],
      ['look-ahead', { pattern: 'a(?=b)' }, 'INVALID_PATTERN'],
      ['a large expression', { pattern: '(a{1,1000}){1,1000}' }, 'INVALID_PATTERN'],
      ['a long pattern', { pattern: 'a'.repeat(5_000), fixed: true }, 'INVALID_PATTERN'],
      ['no glob', { pattern: 'a', file_pattern: '[' }, 'INVALID_PATTERN'],
      ['no glob in exclude', { pattern: 'a', exclude: ['*', '{'] }, 'INVALID_PATTERN'],
      ['a path that is none', { pattern: 'a', path: '/a/../b' }, 'INVALID_PATH'],
      ['no such branch', { pattern: 'a', branch: 'none' }, 'BRANCH_NOT_FOUND'],
      ['no such snapshot', { pattern: 'a', as_of: 'none' }, 'SNAPSHOT_NOT_FOUND'],
      ['a revision to come', { pattern: 'a', as_of: 10 ** 9 }, 'INVALID_PARAMS'],
      ['a cursor of nobody', { pattern: 'a', cursor: 'x' }, 'INVALID_CURSOR'],
    ])('%s', async (_what, params, code) => {
      expect(await server.fault('grep', params)).toBe(code);
    });

    test('a pattern that is refused says where and why', async () => {
      const { error } = await server.rpc('grep', { pattern: 'ab(?=c)' });
      expect(error?.data).toMatchObject({ pattern: 'ab(?=c)', position: 2 });
      expect(error?.data.reason).toContain('look-ahead');
    });

    test('a cursor that contradicts the other parameters, or is one of another search', async () => {
      const { next_cursor: cursor } = await server.ok('grep', { pattern: 'page', path: '/q', limit: 1 });
      for (const other of [
        { pattern: 'pages' },
        { path: '/p' },
        { fixed: true },
        { ignore_case: true },
        { file_pattern: '*' },
        { exclude: 'a' },
        { before_context: 1 },
        { after_context: 1 },
        { branch: 'grep-side' },
        { as_of: 1 },
      ]) {
        const fault = await server.fault('grep', { pattern: 'page', cursor, ...other });
        expect([other, fault]).toEqual([other, 'INVALID_CURSOR']);
      }
      expect(await server.fault('glob', { pattern: 'page', cursor })).toBe('INVALID_CURSOR');
    });

    test('a forged cursor reaches no further than a call of its own', async () => {
      await write('/v/large', 'a kind of line\n'.repeat(100_000));
      const { revision } = await server.ok('list', {});
      const key = await server.addKey({ grants: [['direct_viewer', '/v']] });
      const options = {
        pattern: 'kind',
        path: '/',
        ignore_case: false,
        fixed: false,
        file_pattern: null,
        exclude: [],
        before_context: 0,
        after_context: 0,
      };
      const ask = (at: object, state: object = {}) => {
        const place = { path: '/v/large', offset: 0, line: 1, from: 0, ...at };
        const cursor = writeCursor('grep', { options, branch: 'main', revision, at: place, ...state });
        return server.rpc('grep', { pattern: 'kind', cursor }, key);
      };
      for (const at of [{ path: '/\u0000' }, { offset: -1 }, { line: 0 }, { from: -1 }, { offset: 0.5 }]) {
        expect([at, (await ask(at)).error?.data.code]).toEqual([at, 'INVALID_CURSOR']);
      }
      expect((await ask({}, { options: { ...options, before_context: 99 } })).error?.data.code).toBe('INVALID_CURSOR');
      for (const at of [{ offset: 2 ** 50 }, { offset: 7, line: 2 ** 50 }, { from: 2 ** 50 }, { path: '' }]) {
        const { error, result } = await ask(at);
        expect(error).toBeNull();
        expect(result.matches.every(({ path }) => path.startsWith('/v/'))).toBe(true);
      }
    });
  });
});
