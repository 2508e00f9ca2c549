/** Operations on uploads. */
import { ofBrick } from '../../core/operation.ts';
import { append } from './append.operations.ts';
import { create } from './create.operations.ts';
import { uploadHousekeeping } from './house.operations.ts';
import { get, list, look, remove } from './look.operations.ts';
import { abandon, finish, progress } from './steps.operations.ts';

export const uploadOperations = [
  ...ofBrick('uploads', [create, append, look, remove, get, list]),
  progress,
  finish,
  abandon,
  ...uploadHousekeeping,
];
