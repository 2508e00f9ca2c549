/** All operations on files. */
import { append } from './append.operations.ts';
import { deleteBulk, renameBulk } from './change-bulk.operations.ts';
import { copy } from './copy.operations.ts';
import { diffVersions, findPair } from './diff.operations.ts';
import { computeEdit, edit } from './edit.operations.ts';
import { findHead } from './head.operations.ts';
import { historyOperations, pastFileOperations } from './history/history.operations.ts';
import { list } from './list.operations.ts';
import { exists, getMetadata, isDirectory, open, read } from './read.operations.ts';
import { existsBatch, readBulk, statBulk } from './read-bulk.operations.ts';
import { rename } from './rename.operations.ts';
import { glob } from './search/glob.operations.ts';
import { grep } from './search/grep.operations.ts';
import { indexingOperations } from './search/indexing.operations.ts';
import { deleteFile, mkdir, rmdir } from './tree.operations.ts';
import { getVersion, listVersions, rollback } from './versions.operations.ts';
import { setMetadata, write } from './write.operations.ts';
import { writeBatch } from './write-batch.operations.ts';

/** "Such a subject reaches the file … through the file methods, nothing else of that zone" (access.md §8). */
const forGuests = <O extends object>(operations: readonly O[]): (O & { readonly guests: true })[] =>
  operations.map((operation) => ({ ...operation, guests: true }));

const ofFiles = forGuests([
  write,
  read,
  open,
  deleteFile,
  mkdir,
  rmdir,
  append,
  edit,
  computeEdit,
  findHead,
  rename,
  copy,
  writeBatch,
  readBulk,
  existsBatch,
  statBulk,
  deleteBulk,
  renameBulk,
  listVersions,
  getVersion,
  rollback,
  diffVersions,
  findPair,
  list,
  glob,
  grep,
  exists,
  isDirectory,
  getMetadata,
  setMetadata,
  ...pastFileOperations,
  ...indexingOperations,
]);

export const fileOperations = [...ofFiles, ...historyOperations];
