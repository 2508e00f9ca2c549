/** Subjects and objects as people type them, and words by position beside options of the same parameters. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { typeLine } from '../../../test/command-line.ts';
import { startTestServer, type TestServer } from '../../../test/harness.ts';
import { typedValue } from './parse-line.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

const see = (...words: string[]) => typeLine(server, words, { json: true });
const answer = async (...words: string[]): Promise<unknown> => {
  const { code, out, err } = await see(...words);
  expect([code, err]).toEqual([0, '']);
  return JSON.parse(out);
};

test.each([
  ['user:ada', ['user', 'ada'], ['user', 'ada']],
  ['group:team#member', ['group', 'team', 'member'], ['group', 'team#member']],
  ['file:/a:b', ['file', '/a:b'], ['file', '/a:b']],
  ['file:/a#b#viewer', ['file', '/a#b', 'viewer'], ['file', '/a#b#viewer']],
  ['user:a#', ['user', 'a#'], ['user', 'a#']],
  ['user:#member', ['user', '#member'], ['user', '#member']],
  ['*:*', ['*', '*'], ['*', '*']],
  ['user:*', ['user', '*'], ['user', '*']],
  ['["user", "a:b#c"]', ['user', 'a:b#c'], ['user', 'a:b#c']],
])('%s is a subject and an object', (typed, subject, object) => {
  expect(typedValue({ takes: 'subject' }, typed, 'SUBJECT')).toEqual(subject);
  expect(typedValue({ takes: 'object' }, typed, 'OBJECT')).toEqual(object);
});

test('tuples are granted, asked about and listed in words', async () => {
  await answer('tuple', 'create', 'user:ada', 'member', 'group:team');
  await answer('tuple', 'create', 'group:team#member', 'direct_viewer', 'file:/docs');
  expect(await answer('tuple', 'check', 'user:ada', 'read', 'file:/docs/a.md')).toBe(true);
  expect(await answer('tuple', 'check', '["user","bob"]', 'read', 'file:/docs/a.md')).toBe(false);
  expect(await answer('tuple', 'explain', 'user:ada', 'read', 'file:/docs')).toMatchObject({ allowed: true });
  expect(await answer('tuple', 'objects', 'viewer', 'user:ada')).toEqual([['file', '/docs']]);
  expect(await answer('tuple', 'list', '--subject', 'group:team')).toHaveLength(1);
  expect(await answer('tuple', 'list', '--object', 'group:team')).toHaveLength(1);
  const { out } = await see('tuple', 'create', '--help');
  expect(out).toContain('typed type:id or type:id#relation, or as JSON');
  const bad = await see('tuple', 'check', 'ada', 'read', 'file:/docs');
  expect([bad.code, bad.err]).toEqual([2, expect.stringContaining('SUBJECT takes type:id or type:id#relation')]);
});

test('what is given as an option leaves its place to the words behind it', async () => {
  await answer('tuple', 'create', 'user:eve', 'file:/docs', '--relation', 'direct_viewer');
  expect(await answer('tuple', 'expand', 'direct_viewer', '--object', 'file:/docs')).toMatchObject({
    subjects: [
      ['user', 'ada'],
      ['user', 'eve'],
    ],
  });
  const twice = await see('tuple', 'check', 'user:eve', 'read', 'file:/docs', '--subject', 'user:ada');
  expect([twice.code, twice.err]).toEqual([2, expect.stringContaining('takes no "file:/docs"')]);
});

test('what is no file is shared, with its path left out', async () => {
  const shared = { path: null, relation: 'viewer' };
  expect(await answer('share', 'create', '--resource', 'document:d1', '--user-id', 'bob')).toMatchObject(shared);
  expect(await answer('share', 'create-group', '--resource', 'document:d1', '--group-id', 'team')).toMatchObject(
    shared,
  );
  expect(await answer('share', 'create', '/docs', 'bob')).toMatchObject({ path: '/docs' });
  expect(await answer('share', 'revoke', '--resource', 'document:d1', '--group-id', 'team')).toEqual({ revoked: 1 });
  const lacking = await see('share', 'create', '--resource', 'document:d1');
  expect([lacking.code, lacking.err]).toEqual([2, expect.stringContaining('share create needs USER_ID')]);
});
