/** Sync in the matrix: who may write at a mount point pushes and pulls there; nothing is mounted in these zones. */
import type { Case, Cases } from './cases.ts';

const atRoot: readonly Case[] = [{ level: 'editor', spot: '/', input: () => ({ mount_point: '/' }) }];
const none = '00000000-0000-4000-8000-000000000000';

export const SYNC_CASES: Cases = {
  'sync.push': atRoot,
  'sync.pull': atRoot,
  'sync.status': atRoot,
  'conflict.list': [{ level: 'nothing', input: () => ({}) }],
  'conflict.get': [
    { level: 'admin', without: 'CONFLICT_NOT_FOUND', ownZone: 'CONFLICT_NOT_FOUND', input: () => ({ id: none }) },
  ],
  'conflict.resolve': [
    {
      level: 'admin',
      without: 'CONFLICT_NOT_FOUND',
      ownZone: 'CONFLICT_NOT_FOUND',
      input: () => ({ id: none, resolution: 'keep_local' }),
    },
  ],
};
