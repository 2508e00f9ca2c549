/**
 * How many SQL statements the history of the tree takes: as many for many paths as for one, and for a caller who holds
 * grants on parts a few more than for an admin.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Bare, openBare } from '../../../../test/bare.ts';

const many = Array.from({ length: 300 }, (_, n) => n);

let bare: Bare;
beforeAll(async () => {
  bare = await openBare();
  await bare.call('write_batch', { files: many.map((n) => [`/w/${n % 7}/${n}`, `${n}`]) });
});
afterAll(() => bare.close());

const statements = async (method: string, params: object): Promise<number> => {
  const before = bare.sql.stats().statements;
  await bare.call(method, params);
  return bare.sql.stats().statements - before;
};
const revision = async (): Promise<number> => (await bare.call<{ revision: number }>('list', {})).revision;

test('a snapshot and a branch', async () => {
  // Zone, looking for the name, the row; event, audit, zone.
  expect(await statements('tree_snapshot_create', { name: 'one' })).toBe(6);
  expect(await statements('tree_branch_create', { name: 'one' })).toBe(6);
});

test('restore', async () => {
  const to = await revision();
  await bare.call('delete', { path: '/w/0/0' });
  expect(await statements('tree_restore', { to })).toBe(10);
  await bare.call('rmdir', { path: '/w', recursive: true });
  expect(await statements('tree_restore', { to })).toBe(10);
});

test('merge', async () => {
  await bare.call('tree_branch_create', { name: 'dev' });
  await bare.call('write', { path: '/w/0/0', content: 'dev', branch: 'dev' });
  await bare.call('tree_merge', { branch: 'dev' });
  await bare.call('write', { path: '/w/0/0', content: 'dev again', branch: 'dev' });
  expect(await statements('tree_merge', { branch: 'dev' })).toBe(18);
  await bare.call('write_batch', { files: many.map((n) => [`/w/${n % 7}/${n}`, 'dev at last']), branch: 'dev' });
  expect(await statements('tree_merge', { branch: 'dev' })).toBe(18);
});

test('diff', async () => {
  const from = await revision();
  await bare.call('write', { path: '/w/0/0', content: 'now' });
  expect(await statements('tree_diff', { from })).toBe(2);
  await bare.call('rename', { old_path: '/w', new_path: '/v' });
  // One more for what the renamed files were.
  expect(await statements('tree_diff', { from, limit: 100 })).toBe(3);
  expect(await statements('tree_diff', { from, limit: 10_000 })).toBe(3);
});
