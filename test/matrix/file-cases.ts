/** The cases of files, versions and trees. `/given/a.txt` has two versions; `/given` has a snapshot, the zone a branch. */
import type { At, Case, Cases, Input } from './cases.ts';

const A = '/given/a.txt';

/** A file of its own for each call. */
async function fresh({ ok, n }: At): Promise<string> {
  const path = `/given/${n}.txt`;
  await ok('write', { path, content: 'x' });
  return path;
}

const reads = (input: Input, more: Partial<Case> = {}): readonly Case[] => [
  { level: 'viewer', input: () => input, ...more },
];
const writes = (input: Case['input'], more: Partial<Case> = {}): readonly Case[] => [
  { level: 'editor', input, ...more },
];
const onFresh = (more: Input = {}): readonly Case[] => writes(async (at) => ({ path: await fresh(at), ...more }));

export const FILE_CASES: Cases = {
  'file.write': writes(({ n }) => ({ path: `/given/w${n}`, content: 'x' })),
  'file.append': writes(({ n }) => ({ path: `/given/p${n}`, content: 'x' })),
  'file.mkdir': writes(({ n }) => ({ path: `/given/d${n}` })),
  'file.edit': onFresh({ edits: [['x', 'y']] }),
  'file.delete': onFresh(),
  'file.set-metadata': onFresh({ metadata: { a: 1 } }),
  'file.rmdir': writes(async ({ ok, n }) => {
    await ok('mkdir', { path: `/given/d${n}` });
    return { path: `/given/d${n}` };
  }),
  'file.rename': writes(async (at) => ({ old_path: await fresh(at), new_path: `/given/r${at.n}` })),
  'file.copy': [
    { level: 'editor', input: ({ n }) => ({ src_path: A, dst_path: `/given/c${n}` }) },
    {
      title: 'to where it may not',
      level: 'editor',
      spot: '/',
      input: ({ n }) => ({ src_path: A, dst_path: `/c${n}` }),
    },
  ],
  'file.write-batch': writes(({ n }) => ({ files: [[`/given/b${n}`, 'x']] })),
  'file.delete-bulk': writes(async (at) => ({ paths: [await fresh(at)] }), { shows: '"success":true' }),
  'file.rename-bulk': writes(async (at) => ({ renames: [[await fresh(at), `/given/r${at.n}`]] }), {
    shows: '"success":true',
  }),
  'file.read': reads({ path: A }),
  'file.open': reads({ path: A }),
  'file.exists': reads({ path: A }),
  'file.is-directory': reads({ path: A }),
  'file.stat': reads({ path: A }),
  'file.read-bulk': reads({ paths: [A] }, { shows: '"data"' }),
  'file.exists-batch': reads({ paths: [A] }, { shows: 'true' }),
  'file.stat-bulk': reads({ paths: [A] }, { shows: '"size"' }),
  'file.list': [
    { level: 'viewer', input: () => ({ path: '/given' }) },
    { title: 'of a folder above', level: 'viewer', spot: '/given', input: () => ({ path: '/' }) },
  ],
  'file.glob': reads({ pattern: '**/a.txt' }, { shows: 'a.txt' }),
  'file.grep': reads({ pattern: 'two', path: '/' }, { shows: 'a.txt' }),
  'version.list': reads({ path: A }),
  'version.get': reads({ path: A, version: 1 }),
  'version.diff': reads({ path: A, v1: 1, v2: 2 }),
  'version.rollback': writes(async (at) => {
    const path = await fresh(at);
    await at.ok('write', { path, content: 'y' });
    return { path, version: 1 };
  }),
  'tree-snapshot.create': [{ level: 'viewer', input: ({ n }) => ({ name: `s${n}`, path: '/given' }) }],
  'tree-snapshot.list': reads({}, { shows: '"before"' }),
  'tree-snapshot.get': [
    { level: 'viewer', without: 'SNAPSHOT_NOT_FOUND', input: ({ made }) => ({ id: made.snapshot }) },
  ],
  'tree-snapshot.delete': [
    {
      level: 'editor',
      // Who may read it is told what is missing; to others it is not there.
      without: (level) => (level === 'nothing' ? 'SNAPSHOT_NOT_FOUND' : 'ACCESS_DENIED'),
      input: async ({ ok, n }) => ({
        id: (await ok('tree_snapshot_create', { name: `d${n}`, path: '/given' })).snapshot_id,
      }),
    },
  ],
  'tree.diff': [{ level: 'viewer', input: ({ made }) => ({ from: Number(made.revision) }) }],
  'tree.restore': [{ level: 'editor', input: () => ({ to: 'before', path: '/given', preview: true }) }],
  'tree-branch.create': writes(({ n }) => ({ name: `b${n}` }), { spot: '/' }),
  'tree-branch.list': reads({}, { level: 'nothing' }),
  'tree-branch.delete': writes(
    async ({ ok, n }) => {
      await ok('tree_branch_create', { name: `d${n}` });
      return { name: `d${n}` };
    },
    { spot: '/' },
  ),
  'tree-branch.merge': writes(() => ({ branch: 'side', preview: true }), { spot: '/' }),
};
