/** All operations on files. */
import { list } from './list.operations.ts';
import { exists, getMetadata, isDirectory, open, read } from './read.operations.ts';
import { deleteFile, mkdir, rmdir } from './tree.operations.ts';
import { setMetadata, write } from './write.operations.ts';

export const fileOperations = [
  write,
  read,
  open,
  deleteFile,
  mkdir,
  rmdir,
  list,
  exists,
  isDirectory,
  getMetadata,
  setMetadata,
];
