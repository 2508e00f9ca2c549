/** The list of all operations: what every door, the API document and the threads are made from. */
import { contentOperations } from '../features/content/content.operations.ts';
import { fileOperations } from '../features/files/files.operations.ts';
import type { AnyOperation } from './operation.ts';
import { authoriseNeeds } from './preflight.ts';

/** Every operation, those without a door included. */
export const allOperations: readonly AnyOperation[] = [authoriseNeeds, ...contentOperations, ...fileOperations].map(
  (operation) => operation as AnyOperation,
);

/** What doors may offer. */
export const publicOperations: readonly AnyOperation[] = allOperations.filter((operation) => !operation.internal);
