/** What grep reads (files.md §9): contents of every kind, indexed or not, at one moment of the tree; patterns that are slow elsewhere. */
import fc from 'fast-check';
import { RE2JS } from 're2js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { grepping } from '../../../../test/grepping.ts';
import { forEachEngine, startTestServer, type TestServer } from '../../../../test/harness.ts';

forEachEngine('grep', (engine) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ engine });
  });
  afterAll(() => server.stop());

  const { write, whole, grep, paged, indexed } = grepping(() => server);

  describe('contents of every kind', () => {
    const filler = Array.from({ length: 3_000 }, (_, n) => `line ${n} of some length, é`).join('\n');
    beforeAll(async () => {
      await write('/k/nul', Buffer.from('kind\n\0'));
      await write('/k/latin', Buffer.from([...Buffer.from('kind '), 0xe9]));
      await write('/k/empty', '');
      await write('/k/inline', 'kind');
      await write('/k/stored', `${filler}\nkind\n`);
      await write('/k/large', `kind\n${`${filler}\n`.repeat(20)}kind of\r\n${`${filler}\n`.repeat(20)}a kind`);
      await write(
        '/k/large-nul',
        Buffer.concat([Buffer.from('kind\n'), Buffer.alloc(1_200_000, 'x'), Buffer.from([0])]),
      );
      await write(
        '/k/large-latin',
        Buffer.concat([Buffer.from('kind\n'), Buffer.alloc(1_200_000, 'x'), Buffer.from([0xe9])]),
      );
      await write('/k/long-line', `${'y'.repeat(1_500_000)} kind`);
    });
    const found = [
      '/k/inline:1',
      '/k/large:1',
      '/k/large:60002',
      '/k/large:120003',
      '/k/long-line:1',
      '/k/stored:3001',
    ];

    test.each(['before it is indexed', 'after'])('is searched if it is text, %s', async (when) => {
      if (when === 'after') await indexed();
      for (const pattern of ['kind', 'k[aeiou]nd', '(?i)KIND', '(kind|other)( of)?$']) {
        expect(await grep({ pattern, path: '/k' })).toEqual(found);
      }
      expect((await whole({ pattern: 'kind', path: '/k' })).files_searched).toBe(9);
      expect(await grep({ pattern: 'no such kind', path: '/k' })).toEqual([]);
    });

    test('large contents have their context across windows', async () => {
      const { matches } = await whole({ pattern: 'kind', path: '/k/large', before_context: 2, after_context: 2 });
      expect(matches.map(({ before, content, after }) => [before, content, after])).toEqual([
        [[], 'kind', ['line 0 of some length, é', 'line 1 of some length, é']],
        [
          ['line 2998 of some length, é', 'line 2999 of some length, é'],
          'kind of',
          ['line 0 of some length, é', 'line 1 of some length, é'],
        ],
        [['line 2998 of some length, é', 'line 2999 of some length, é'], 'a kind', []],
      ]);
      const { found: paths } = await paged({
        pattern: 'line 29?9 |kind',
        path: '/k/large',
        limit: 7,
        after_context: 1,
      });
      expect(paths).toEqual(await grep({ pattern: 'line 29?9 |kind', path: '/k/large', limit: 1_000 }));
    });

    test('a line of any length is cut, and says so', async () => {
      const [match] = (await whole({ pattern: 'kind', path: '/k/long-line' })).matches;
      expect(match).toMatchObject({ column: 1_500_002, content: 'y'.repeat(2_000), match: 'kind', truncated: true });
    });
  });

  describe('exact at its revision', () => {
    test('a write is found at once, what was overwritten or deleted is not, indexed or not', async () => {
      for (const round of [1, 2]) {
        await write('/x/one', `needle${round}\n`);
        await write('/x/two', `needle${round}\n`);
        await write('/x/gone', `needle${round}\n`);
        await server.ok('delete', { path: '/x/gone' });
        if (round === 2) await indexed();
        expect(await grep({ pattern: `needle${round}` })).toEqual(['/x/one:1', '/x/two:1']);
        await write('/x/one', 'other\n');
        expect(await grep({ pattern: `needle${round}` })).toEqual(['/x/two:1']);
        await server.ok('rename', { old_path: '/x/two', new_path: '/x/three' });
        expect(await grep({ pattern: `needle${round}` })).toEqual(['/x/three:1']);
        await server.ok('append', { path: '/x/three', content: `needle${round}` });
        expect(await grep({ pattern: `needle${round}` })).toEqual(['/x/three:1', '/x/three:2']);
        await server.ok('delete', { path: '/x/three' });
      }
    });

    test('as of a revision, a snapshot, on a branch', async () => {
      await write('/m/f', 'moment one');
      const { revision } = await server.ok('list', { path: '/m' });
      await server.ok('tree_snapshot_create', { name: 'grep-then' });
      await server.ok('tree_branch_create', { name: 'grep-side' });
      await write('/m/f', 'moment two');
      await server.ok('write', { path: '/m/g', content: 'moment three', branch: 'grep-side' });
      const contents = async (view: object): Promise<string[]> =>
        (await whole({ pattern: 'moment', path: '/m', ...view })).matches.map(({ content }) => content);
      expect(await contents({})).toEqual(['moment two']);
      expect(await contents({ as_of: revision })).toEqual(['moment one']);
      expect(await contents({ as_of: 'grep-then' })).toEqual(['moment one']);
      expect(await contents({ branch: 'grep-side' })).toEqual(['moment one', 'moment three']);
    });
  });

  test('any pattern over any tree has the lines of a scan', { timeout: 120_000 }, async () => {
    const piece = fc.constantFrom(
      'alpha',
      'beta',
      'BETA',
      'be',
      'x',
      ' ',
      '\n',
      '\r\n',
      'é',
      '\u{1f600}',
      '\0',
      'ſ',
      '(',
    );
    const content = fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join(''));
    const tree = fc.array(content, { minLength: 1, maxLength: 12 });
    const pattern = fc.constantFrom(
      'alpha',
      'bet',
      'be',
      'x',
      'alpha ?beta',
      '^be',
      'a$',
      '[ab]e',
      'é|x',
      '',
      's',
      '\u{1f600}',
      'alphabeta',
      '(?:al|be)\\w+ ',
    );
    const asked = fc.record({
      pattern,
      ignore_case: fc.boolean(),
      fixed: fc.boolean(),
      limit: fc.integer({ min: 1, max: 9 }),
    });
    let trees = 0;
    await fc.assert(
      fc.asyncProperty(
        tree,
        fc.array(asked, { minLength: 3, maxLength: 6 }),
        fc.boolean(),
        async (contents, all, wait) => {
          const path = `/any/${++trees}`;
          const files = contents.map((text, i): [string, string] => [
            `${path}/${i % 3}/${String(i).padStart(2, '0')}`,
            text,
          ]);
          await server.ok('write_batch', { files });
          if (wait) await indexed();
          for (const { pattern, ignore_case, fixed, limit } of all) {
            const expected = files
              .toSorted(([a], [b]) => (a < b ? -1 : 1))
              .flatMap(([file, text]) => scan(text, { pattern, ignore_case, fixed }).map((line) => `${file}:${line}`));
            const { found, searched } = await paged({ pattern, ignore_case, fixed, limit, path });
            expect([found, searched]).toEqual([expected, files.length]);
          }
        },
      ),
      { numRuns: 12 },
    );
  });
});

/** Numbers of the matching lines, by the plainest means. */
function scan(text: string, how: { pattern: string; ignore_case: boolean; fixed: boolean }): number[] {
  if (text.includes('\0')) return [];
  const source = how.fixed ? RE2JS.quote(how.pattern) : how.pattern;
  const re2 = RE2JS.compile(source, how.ignore_case ? RE2JS.CASE_INSENSITIVE : 0);
  const lines = text.split('\n').map((line, i, all) => (i < all.length - 1 ? line.replace(/\r$/, '') : line));
  if (lines.at(-1) === '') lines.pop();
  return lines.flatMap((line, i) => (re2.test(line) ? [i + 1] : []));
}

describe('a page whose time is over ends early, and the next goes on', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ environment: { NEXUS_LIMIT_GREP_SLICE_MS: '1' } });
  });
  afterAll(() => server.stop());
  const { write, paged } = grepping(() => server);

  test('within a large content', async () => {
    const large = `${'some line or other\n'.repeat(80_000)}needle\n`;
    await write('/large/a', large);
    await write('/large/b', large);
    await write('/large/c', 'needle');
    const { found, searched, pages } = await paged({ pattern: '[n]e+d[l]e|^$', path: '/large' });
    expect([found, searched]).toEqual([['/large/a:80001', '/large/b:80001', '/large/c:1'], 3]);
    expect(pages).toBeGreaterThan(3);
  });

  test('between small ones', async () => {
    const names = Array.from({ length: 120 }, (_, i) => `/small/${String(i).padStart(3, '0')}`);
    await server.ok('write_batch', { files: names.map((name) => [name, `${'a'.repeat(20_000)}${name}\n!`]) });
    const { found, searched, pages } = await paged({ pattern: '(a|aa)+$|!', path: '/small' });
    expect([found, searched]).toEqual([names.map((name) => `${name}:2`), 120]);
    expect(pages).toBeGreaterThan(2);
  });
});

test('a page of more than 64 MiB ends early too', async () => {
  const server = await startTestServer();
  const { write, paged } = grepping(() => server);
  await write('/wide', `${'é'.repeat(2_000)}\n`.repeat(1_000));
  const { found, pages } = await paged({ pattern: '^', before_context: 10, after_context: 10 });
  expect([found.length, new Set(found).size, pages]).toEqual([1_000, 1_000, 2]);
  await server.stop();
});

test('lists are answered while adversarial patterns run', async () => {
  const server = await startTestServer({ environment: { NEXUS_LIMIT_GREP_SLICE_MS: '60000' } });
  const files = Array.from({ length: 200 }, (_, i) => [`/adverse/${i}`, `${'a'.repeat(20_000)}${i}!`] as const);
  await server.ok('write_batch', { files });
  const order: string[] = [];
  const greps = ['(a+)+$', '(a|aa)+$', '(a*)*b', '([a-z]+)*[0-9]x'].map(async (pattern) => {
    expect((await server.ok('grep', { pattern, path: '/adverse' })).matches).toEqual([]);
    order.push('grep');
  });
  for (let i = 0; i < 3; i++) {
    await server.ok('list', { path: '/adverse' });
    order.push('list');
  }
  await Promise.all(greps);
  expect(order.indexOf('list')).toBeLessThan(order.lastIndexOf('grep'));
  await server.stop();
});
