/** glob over a tree (files.md §9): what it finds, what it hides, its pages, its faults. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { forEachEngine, startTestServer, type TestServer } from '../../../../test/harness.ts';
import { writeCursor } from '../../../base/cursor.ts';
import { defaultLimits } from '../../../base/limits.ts';
import { compileGlob } from './glob.ts';

interface Asked {
  readonly pattern: string;
  readonly [parameter: string]: unknown;
}

forEachEngine('glob', (engine) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ engine });
  });
  afterAll(() => server.stop());

  const fill = (folder: string, ...names: string[]) =>
    server.ok('write_batch', { files: names.map((name) => [`${folder}/${name}`, name]) });
  const glob = async (params: Asked, key?: string): Promise<readonly string[]> => {
    const { matches, has_more, next_cursor } = await server.ok('glob', params, key);
    expect([has_more, next_cursor]).toEqual([false, null]);
    return matches;
  };

  describe('what it finds', () => {
    beforeAll(() => fill('/f', 'a.ts', 'b.md', 'src/a.ts', 'src/deep/b.ts', 'src/deep/.c.ts', 'z[1]/"q".ts'));

    test('files in path order, by patterns relative to the path or absolute', async () => {
      const all = ['/f/a.ts', '/f/b.md', '/f/src/a.ts', '/f/src/deep/.c.ts', '/f/src/deep/b.ts', '/f/z[1]/"q".ts'];
      expect(await glob({ pattern: '**', path: '/f' })).toEqual(all);
      expect(await glob({ pattern: '/f/**' })).toEqual(all);
      expect(await glob({ pattern: '*.ts', path: '/f' })).toEqual(['/f/a.ts']);
      expect(await glob({ pattern: '**/a.ts', path: 'f/' })).toEqual(['/f/a.ts', '/f/src/a.ts']);
      expect(await glob({ pattern: '/f/src/**/*.ts', path: '/f/src' })).toEqual(all.slice(2, 5));
      expect(await glob({ pattern: 'src/{deep,no}/?.ts', path: '/f' })).toEqual(['/f/src/deep/b.ts']);
      expect(await glob({ pattern: '/f/z\\[1\\]/*' })).toEqual(['/f/z[1]/"q".ts']);
      expect(await glob({ pattern: '/f/a.ts' })).toEqual(['/f/a.ts']);
    });

    test('nothing beyond the path, nor where nothing is', async () => {
      expect(await glob({ pattern: '/f/**', path: '/f/src/deep/none' })).toEqual([]);
      expect(await glob({ pattern: '/elsewhere/**', path: '/f' })).toEqual([]);
      expect(await glob({ pattern: '/f2/**' })).toEqual([]);
      expect(await glob({ pattern: '**', path: '/f/a.ts' })).toEqual([]);
    });

    test('directories too when asked', async () => {
      const found = await glob({ pattern: '**', path: '/f', include_directories: true });
      expect(found.filter((path) => !/\.\w+$/.test(path))).toEqual(['/f/src', '/f/src/deep', '/f/z[1]']);
      expect(await glob({ pattern: '*', path: '/f', include_directories: true })).toContain('/f/src');
      expect(await glob({ pattern: '/f', include_directories: true })).toEqual(['/f']);
    });

    test('not what is excluded', async () => {
      const pattern = '**/*.ts';
      expect(await glob({ pattern, path: '/f', exclude: 'src/**' })).toEqual(['/f/a.ts', '/f/z[1]/"q".ts']);
      expect(await glob({ pattern, path: '/f', exclude: ['/f/src/deep/*', '*.ts', '/g/**'] })).toEqual([
        '/f/src/a.ts',
        '/f/z[1]/"q".ts',
      ]);
    });
  });

  describe('what it hides', () => {
    beforeAll(() => fill('/h', 'a/1', 'a/2', 'ab/1', 'b/c/1', 'b/c/2', 'b/d', 'a.x'));

    test('what the caller may not read', async () => {
      const key = await server.addKey({
        grants: [
          ['direct_viewer', '/h/a'],
          ['direct_viewer', '/h/b/c/2'],
        ],
      });
      expect(await glob({ pattern: '/h/**' }, key)).toEqual(['/h/a/1', '/h/a/2', '/h/b/c/2']);
      expect(await glob({ pattern: 'c/*', path: '/h/b' }, key)).toEqual(['/h/b/c/2']);
      expect(await glob({ pattern: '**', path: '/h/ab' }, key)).toEqual([]);
      expect(await glob({ pattern: '**', path: '/nowhere' }, key)).toEqual([]);
      expect(await glob({ pattern: '**', include_directories: true, path: '/h' }, key)).toEqual([
        '/h/a',
        '/h/a/1',
        '/h/a/2',
        '/h/b',
        '/h/b/c',
        '/h/b/c/2',
      ]);
      expect(await glob({ pattern: '**' }, await server.addKey({}))).toEqual([]);
    });

    test('in pages too', async () => {
      const grants = ['/h/a', '/h/ab/1', '/h/b/c/1', '/h/b/d'].map((path) => ['direct_viewer', path] as const);
      const key = await server.addKey({ grants });
      for (const include_directories of [false, true]) {
        const asked = { pattern: '/h/**', include_directories };
        const all = await glob(asked, key);
        expect(all.length).toBe(include_directories ? 9 : 5);
        for (const limit of [1, 2, 3]) expect(await paged({ ...asked, limit }, key)).toEqual(all);
      }
    });

    test('and goes on where the permissions of now allow', async () => {
      const key = await server.addKey({ subject: 'shrinking', grants: [['direct_viewer', '/h']] });
      const first = await server.ok('glob', { pattern: '/h/**', limit: 2 }, key);
      const subject = ['user', 'shrinking'];
      const [tuple] = await server.ok('rebac_list_tuples', { subject });
      const narrower = { subject, relation: 'direct_viewer', object: ['file', '/h/b'] };
      await server.ok('rebac_write', { creates: [narrower], deletes: [tuple?.tuple_id] });
      expect(await glob({ pattern: '/h/**', cursor: first.next_cursor }, key)).toEqual([
        '/h/b/c/1',
        '/h/b/c/2',
        '/h/b/d',
      ]);
    });
  });

  describe('pages', () => {
    test('together show one moment of the tree, and need nothing but pattern and cursor', async () => {
      await fill('/p', ...Array.from('gfedcba'));
      const asked = { pattern: '*', path: '/p', exclude: ['d'], include_directories: true };
      const first = await server.ok('glob', { ...asked, limit: 2 });
      expect(first).toMatchObject({ matches: ['/p/a', '/p/b'], has_more: true });
      await server.ok('delete', { path: '/p/c' });
      await server.ok('write', { path: '/p/bb', content: 'new' });
      const second = await server.ok('glob', { pattern: '*', cursor: first.next_cursor, limit: 2 });
      expect(second.matches).toEqual(['/p/c', '/p/e']);
      expect(await glob({ ...asked, cursor: second.next_cursor })).toEqual(['/p/f', '/p/g']);
      expect(await glob({ pattern: '*', path: '/p' })).toEqual([
        '/p/a',
        '/p/b',
        '/p/bb',
        ...Array.from('defg', (c) => `/p/${c}`),
      ]);
    });

    test('a full last page is the last', async () => {
      await fill('/q', '1', '2');
      expect(await glob({ pattern: '*', path: '/q', limit: 2 })).toEqual(['/q/1', '/q/2']);
    });

    test('a limit beyond the largest is lowered to it', async () => {
      expect((await server.rpc('glob', { pattern: '/q/*', limit: 2 ** 40 })).error).toBeNull();
    });
  });

  describe('other moments and branches', () => {
    test('as of a revision, a snapshot, on a branch', async () => {
      await fill('/m', 'old', 'both');
      const { revision } = await server.ok('list', { path: '/m' });
      await server.ok('tree_snapshot_create', { name: 'glob-then' });
      await server.ok('tree_branch_create', { name: 'glob-side' });
      await server.ok('delete', { path: '/m/old' });
      await server.ok('write', { path: '/m/new', content: 'x' });
      await server.ok('write', { path: '/m/side', content: 'x', branch: 'glob-side' });
      await server.ok('delete', { path: '/m/both', branch: 'glob-side' });
      const pattern = '/m/*';
      expect(await glob({ pattern })).toEqual(['/m/both', '/m/new']);
      expect(await glob({ pattern, as_of: revision })).toEqual(['/m/both', '/m/old']);
      expect(await glob({ pattern, as_of: 'glob-then' })).toEqual(['/m/both', '/m/old']);
      expect(await glob({ pattern, branch: 'glob-side' })).toEqual(['/m/old', '/m/side']);
      const first = await server.ok('glob', { pattern, branch: 'glob-side', limit: 1 });
      await server.ok('delete', { path: '/m/side', branch: 'glob-side' });
      expect(await glob({ pattern, cursor: first.next_cursor })).toEqual(['/m/side']);
    });
  });

  test('another zone is named by the path or by the pattern, and answers keep the prefix', async () => {
    await server.addZone('glob-zone');
    const zone_id = 'glob-zone';
    await server.ok('write_batch', {
      zone_id,
      files: [
        ['/s/a', '1'],
        ['/s/b', '2'],
      ],
    });
    const shown = ['/zone/glob-zone/s/a', '/zone/glob-zone/s/b'];
    expect(await glob({ pattern: 's/*', path: '/zone/glob-zone' })).toEqual(shown);
    expect(await glob({ pattern: '/zone/glob-zone/s/*', path: '/zone/glob-zone/s' })).toEqual(shown);
    expect(await glob({ pattern: '/zone/glob-zone/**' })).toEqual(shown);
    expect(await glob({ pattern: '/zone/glob-zone/**', exclude: '/zone/glob-zone/s/a' })).toEqual(shown.slice(1));
    expect(await glob({ pattern: '**', zone_id })).toEqual(['/s/a', '/s/b']);
    const first = await server.ok('glob', { pattern: 's/*', path: '/zone/glob-zone', limit: 1 });
    expect(await glob({ pattern: 's/*', cursor: first.next_cursor })).toEqual(shown.slice(1));
  });

  describe('faults', () => {
    test.each([
      ['no pattern', {}, 'INVALID_PARAMS'],
      ['a pattern of another type', { pattern: 1 }, 'INVALID_PARAMS'],
      ['a limit below 1', { pattern: '*', limit: 0 }, 'INVALID_PARAMS'],
      ['an exclude of another type', { pattern: '*', exclude: [1] }, 'INVALID_PARAMS'],
      ['an unclosed class', { pattern: '[a' }, 'INVALID_PATTERN'],
      ['an unclosed brace in exclude', { pattern: '*', exclude: '{a' }, 'INVALID_PATTERN'],
      ['too many alternatives', { pattern: '{a,b,c,d}'.repeat(6) }, 'INVALID_PATTERN'],
      ['a long pattern', { pattern: 'a'.repeat(5_000) }, 'INVALID_PATTERN'],
      ['a path that is none', { pattern: '*', path: '/a/../b' }, 'INVALID_PATH'],
      ['no such branch', { pattern: '*', branch: 'none' }, 'BRANCH_NOT_FOUND'],
      ['no such snapshot', { pattern: '*', as_of: 'none' }, 'SNAPSHOT_NOT_FOUND'],
      ['a revision to come', { pattern: '*', as_of: 10 ** 9 }, 'INVALID_PARAMS'],
      ['a cursor of nobody', { pattern: '*', cursor: 'x' }, 'INVALID_CURSOR'],
    ])('%s', async (_what, params, code) => {
      expect(await server.fault('glob', params)).toBe(code);
    });

    test('a cursor that contradicts the other parameters, or is one of another search', async () => {
      const { next_cursor: cursor } = await server.ok('glob', { pattern: '**', limit: 1 });
      for (const other of [
        { pattern: '*' },
        { path: '/p' },
        { exclude: 'a' },
        { include_directories: true },
        { branch: 'glob-side' },
        { as_of: 1 },
      ]) {
        expect([other, await server.fault('glob', { pattern: '**', cursor, ...other })]).toEqual([
          other,
          'INVALID_CURSOR',
        ]);
      }
      expect(await server.fault('grep', { pattern: '**', cursor })).toBe('INVALID_CURSOR');
    });

    test('a forged cursor reaches no further than a call of its own', async () => {
      const options = { pattern: '**', path: '/', exclude: [], include_directories: false };
      const forged = (state: object): string =>
        writeCursor('glob', { options, branch: 'main', revision: 1, at: '/', ...state });
      const key = await server.addKey({ grants: [['direct_viewer', '/p']] });
      for (const [state, code] of [
        [{ at: '/\u0000' }, 'INVALID_CURSOR'],
        [{ at: '/\ud800' }, 'INVALID_CURSOR'],
        [{ options: { ...options, path: '/\u0001' } }, 'INVALID_CURSOR'],
        [{ revision: -1 }, 'INVALID_CURSOR'],
        [{ revision: 10 ** 9 }, 'INVALID_PARAMS'],
        [{ branch: 'none' }, 'BRANCH_NOT_FOUND'],
        [{ options: { ...options, pattern: '[' } }, 'INVALID_CURSOR'],
      ] as const) {
        expect([state, await server.fault('glob', { pattern: '**', cursor: forged(state) }, key)]).toEqual([
          state,
          code,
        ]);
      }
      const { revision } = await server.ok('list', {});
      const all = await glob({ pattern: '**', cursor: forged({ revision }) }, key);
      expect(all.every((path) => path.startsWith('/p/'))).toBe(true);
      expect(await glob({ pattern: '**', cursor: forged({ revision, at: '/~' }) }, key)).toEqual([]);
    });
  });

  test('any pattern over any tree is the list filtered', { timeout: 60_000 }, async () => {
    const name = fc.constantFrom('a', 'b', 'ab', '.h', 'x.ts', 'y.ts', 'é', '\u{1f600}', '[', '"');
    const tree = fc.array(fc.array(name, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 25 });
    const piece = fc.constantFrom('*', '**', '?', 'a', 'b*', '[a-b]', '{a,x.ts}', '*.ts', '\\[', '.h', '\u{1f600}');
    const pattern = fc.array(piece, { minLength: 1, maxLength: 4 }).map((pieces) => pieces.join('/'));
    const from = fc.array(name, { maxLength: 2 });
    let trees = 0;
    await fc.assert(
      fc.asyncProperty(tree, fc.array(fc.tuple(pattern, from, pattern), { minLength: 4 }), async (paths, asked) => {
        const root = `/any/${++trees}`;
        for (const path of paths) await server.rpc('write', { path: `${root}/${path.join('/')}`, content: '' });
        const { entries } = await server.ok('list', { path: root, recursive: true });
        for (const [text, below, not] of asked) {
          const path = [root, ...below].join('/');
          const wanted = compileGlob(text, path, defaultLimits);
          const unwanted = compileGlob(not, path, defaultLimits);
          const chosen = entries.filter((entry) => wanted.test(entry.path) && !unwanted.test(entry.path));
          const asked = { pattern: text, path, exclude: not };
          expect(await glob({ ...asked, include_directories: true })).toEqual(chosen.map((entry) => entry.path));
          const files = chosen.filter((entry) => !entry.is_directory).map((entry) => entry.path);
          expect(await glob(asked)).toEqual(files);
          expect(await paged({ ...asked, limit: 2 })).toEqual(files);
        }
      }),
      { numRuns: 15 },
    );
  });

  async function paged(asked: Asked, key?: string): Promise<string[]> {
    const all: string[] = [];
    let cursor: string | null = null;
    do {
      const { pattern, limit } = asked;
      const page: { matches: readonly string[]; next_cursor: string | null } = await server.ok(
        'glob',
        cursor ? { pattern, limit, cursor } : asked,
        key,
      );
      all.push(...page.matches);
      cursor = page.next_cursor;
    } while (cursor);
    return all;
  }
});
