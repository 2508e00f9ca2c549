/** All operations on the history of the tree. */
import { treeBranchCreate, treeBranchDelete, treeBranchList } from './branches.operations.ts';
import { treeDiff } from './diff.operations.ts';
import { treeMerge } from './merge.operations.ts';
import { treeRestore } from './restore.operations.ts';
import { pruneTree } from './retention.operations.ts';
import { treeSnapshotCreate, treeSnapshotDelete, treeSnapshotGet, treeSnapshotList } from './snapshots.operations.ts';

export const historyOperations = [
  treeSnapshotCreate,
  treeSnapshotList,
  treeSnapshotGet,
  treeSnapshotDelete,
  treeDiff,
  treeRestore,
  treeBranchCreate,
  treeBranchList,
  treeBranchDelete,
  treeMerge,
  pruneTree,
];
