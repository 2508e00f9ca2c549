/** All operations on files. */
import { copy } from './copy.operations.ts';
import { list } from './list.operations.ts';
import { exists, getMetadata, isDirectory, open, read } from './read.operations.ts';
import { rename } from './rename.operations.ts';
import { deleteFile, mkdir, rmdir } from './tree.operations.ts';
import { getVersion, listVersions, rollback } from './versions.operations.ts';
import { setMetadata, write } from './write.operations.ts';

export const fileOperations = [
  write,
  read,
  open,
  deleteFile,
  mkdir,
  rmdir,
  rename,
  copy,
  listVersions,
  getVersion,
  rollback,
  list,
  exists,
  isDirectory,
  getMetadata,
  setMetadata,
];
