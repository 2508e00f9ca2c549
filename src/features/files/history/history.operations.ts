/** All operations on the history of the tree. */
import { treeBranchCreate, treeBranchDelete, treeBranchList } from './branches.operations.ts';
import { treeDiff } from './diff.operations.ts';
import { treeMerge } from './merge.operations.ts';
import { treeRestore } from './restore.operations.ts';
import { pruneTree } from './retention.operations.ts';
import { treeSnapshotCreate, treeSnapshotDelete, treeSnapshotGet, treeSnapshotList } from './snapshots.operations.ts';

/** What they tell and change is files. */
export const pastFileOperations = [treeDiff, treeRestore];

/** Names and branches are the zone's. */
export const historyOperations = [
  treeSnapshotCreate,
  treeSnapshotList,
  treeSnapshotGet,
  treeSnapshotDelete,
  treeBranchCreate,
  treeBranchList,
  treeBranchDelete,
  treeMerge,
  pruneTree,
];
