/**
 * Which bucket of a budget a request takes from: a number for each operation, and some for what no operation stands
 * behind. Derived from the list of operations, so that a new one has its bucket without a line here.
 */
import { protocolOperations, publicOperations } from './operations.ts';

/** Unknown routes and methods, wrong verbs. */
export const NOWHERE = 'nowhere';
/** `POST /api/nfs`: the request, beside the calls in it. */
export const CALLS = 'calls';
/** Pages and documents of the server itself. */
export const DOCUMENT = 'document';

const slots: ReadonlyMap<string, number> = new Map(
  [NOWHERE, CALLS, DOCUMENT, ...[...publicOperations, ...protocolOperations].map(({ name }) => name)].map(
    (name, slot) => [name, slot],
  ),
);
const names: readonly string[] = [...slots.keys()];

/** The bucket of an operation that a door offers, or of one of the names above. */
export const slotOf = (name: string): number => slots.get(name) ?? 0;

/** What a bucket is for, as people are told. */
export const slotName = (slot: number): string => names[slot] ?? NOWHERE;
