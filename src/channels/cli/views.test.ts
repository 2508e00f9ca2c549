/** Answers that people are shown in views of their own: schemas, proofs, differences of trees, zones. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { typeLine } from '../../../test/command-line.ts';
import { startTestServer, type TestServer } from '../../../test/harness.ts';
import { ACCESS_LINES, FILE_LINES } from './commands.ts';
import { accessViews } from './shell/access-views.ts';
import { fileViews } from './shell/file-views.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

/** What people see, and what programs get. */
async function see(line: readonly string[]) {
  const seen = await typeLine(server, line);
  const got = await typeLine(server, line, { json: true });
  expect([seen.code, got.code]).toEqual([0, 0]);
  return { lines: seen.out.trimEnd().split('\n'), got: JSON.parse(got.out) };
}

test('a schema has a rule for each relation, types that are alike once', async () => {
  const { lines, got } = await see(['schema', 'get']);
  const of = (title: string): string[] => lines.slice(lines.indexOf(title) + 1);
  expect(lines[0]).toBe('version 0');
  expect(lines[2]).toBe('user, agent, app, worker, zone, workflow, executor, sandbox, document');
  expect(of('file').find((line) => line.startsWith('  owner '))).toBe(
    '  owner          direct_owner or shared-owner or owner of parent or owner of folder',
  );
  expect(of('group')[0]).toMatch(/^ {2}member +user, agent, app, /);
  expect(got.types.file.read).toEqual({ computed: 'viewer' });

  const types = {
    report: {
      auditor: { this: ['user', 'group#member'] },
      barred: { this: ['user'] },
      seen: {
        exclusion: [{ intersection: [{ computed: 'auditor' }, { from: ['parent', 'read'] }] }, { computed: 'barred' }],
      },
      either: { union: [{ this: ['user'] }, { computed: 'seen' }] },
    },
  };
  const added = await see(['schema', 'set', JSON.stringify(types), '--dry-run']);
  expect(added.lines.slice(added.lines.indexOf('report')).filter((line) => line !== '')).toEqual(
    expect.arrayContaining([
      'report',
      '  auditor        user, group#member',
      '  seen           (auditor and read of parent) but not barred',
      '  either         (user) or seen',
    ]),
  );
});

test('a proof is a tree that ends in tuples, a refusal says what is missing', async () => {
  await server.ok('write', { path: '/p/one.txt', content: '1' });
  const file = '["file","/p/one.txt"]';
  const { tuple_id } = await server.ok('rebac_create', {
    subject: ['user', 'ann'],
    relation: 'direct_viewer',
    object: ['file', '/p/one.txt'],
  });
  const { lines, got } = await see(['tuple', 'explain', '["user","ann"]', 'read', file]);
  expect(lines[0]).toBe(`allowed: user:ann read on file:/p/one.txt, at revision ${got.revision}`);
  expect(lines[1]).toBe('  read on file:/p/one.txt (computed)');
  expect(lines.at(-1)?.trim()).toBe(
    `direct_viewer on file:/p/one.txt: ${tuple_id}, user:ann direct_viewer file:/p/one.txt`,
  );
  expect(got.proof).toEqual(got.successful_path);
  const refused = await see(['tuple', 'explain', '["user","ann"]', 'write', file]);
  expect(refused.lines.slice(1)).toEqual(['  nothing gives editor on file:/p/one.txt']);
});

test('a difference of trees has a line for each path, with what it was and is', async () => {
  await server.ok('write', { path: '/d/kept.txt', content: 'one' });
  await server.ok('write', { path: '/d/gone.txt', content: 'gone' });
  const { revision } = await server.ok('write', { path: '/d/moved.txt', content: 'moved' });
  await server.ok('write', { path: '/d/kept.txt', content: 'longer' });
  await server.ok('delete', { path: '/d/gone.txt' });
  await server.ok('rename', { old_path: '/d/moved.txt', new_path: '/d/new.txt' });
  await server.ok('mkdir', { path: '/d/folder' });
  const { lines, got } = await see(['tree', 'diff', String(revision), '--path', '/d']);
  expect(lines.map((line) => line.trimEnd().replace(/ {2,}/g, '  '))).toEqual([
    'CHANGE  PATH  TYPE  SIZE  VERSION',
    'added  /d/folder  directory',
    'removed  /d/gone.txt  file  4 B  1',
    'modified  /d/kept.txt  file  3 B → 6 B  1 → 2',
    'renamed  /d/moved.txt → /d/new.txt  file  5 B  1',
  ]);
  expect(got.changes).toHaveLength(4);
});

test('zones are told with the figures that grow', async () => {
  const { lines, got } = await see(['zone', 'list']);
  expect(lines[0]).toMatch(/^ZONE +NAME +STATUS +STORED +FILES +AGENTS +KEYS +JOBS +CREATED$/);
  expect(lines).toHaveLength(got.zones.length + 1);
  expect(lines.find((line) => line.startsWith('root'))).toMatch(/^root +root +Active +\d+ B +\d+ /);
});

test('each command of access that is shown in its own way is loaded for that', () => {
  expect([...ACCESS_LINES].sort()).toEqual(accessViews.map(({ words }) => words).sort());
  expect([...FILE_LINES].sort()).toEqual(fileViews.map(({ words }) => words).sort());
});
