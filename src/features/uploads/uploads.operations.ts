/** Operations on uploads. */
import { append } from './append.operations.ts';
import { create } from './create.operations.ts';
import { uploadHousekeeping } from './house.operations.ts';
import { get, list, look, remove } from './look.operations.ts';
import { abandon, finish, progress } from './steps.operations.ts';

export const uploadOperations = [
  create,
  append,
  look,
  remove,
  get,
  list,
  progress,
  finish,
  abandon,
  ...uploadHousekeeping,
];
