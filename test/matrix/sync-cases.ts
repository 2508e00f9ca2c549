/** Sync in the matrix: who may write at a mount point pushes and pulls there; conflicts are of whoever may read their path. */
import type { At, Case, Cases, Input } from './cases.ts';

const atRoot: readonly Case[] = [{ level: 'editor', spot: '/', input: () => ({ mount_point: '/' }) }];

const someConflict = async ({ conflict, n }: At): Promise<Input> => ({ id: await conflict(`/given/conflict-${n}`) });

export const SYNC_CASES: Cases = {
  'sync.push': atRoot,
  'sync.pull': atRoot,
  'sync.status': atRoot,
  'conflict.list': [{ level: 'nothing', input: () => ({}) }],
  'conflict.get': [{ level: 'viewer', without: 'CONFLICT_NOT_FOUND', input: someConflict }],
  'conflict.resolve': [
    {
      level: 'editor',
      without: (level) => (level === 'nothing' ? 'CONFLICT_NOT_FOUND' : 'ACCESS_DENIED'),
      input: async (at) => ({ ...(await someConflict(at)), resolution: 'keep_local' }),
    },
  ],
};
