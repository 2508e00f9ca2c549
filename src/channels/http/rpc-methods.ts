/** The methods of the JSON-RPC door, by every name they are called by. */
import type { BrickName } from '../../base/bricks.ts';
import type { AnyOperation } from '../../core/operation.ts';
import { publicOperations } from '../../core/operations.ts';
import { NOWHERE, slotOf } from '../../core/rate-slots.ts';

export const rpcMethods: ReadonlyMap<string, AnyOperation> = new Map(
  publicOperations.flatMap((operation) =>
    operation.rpc
      ? [operation.rpc.name, ...(operation.rpc.aliases ?? [])].map((name) => [name, operation] as const)
      : [],
  ),
);

const slots = new Map([...rpcMethods].map(([method, { name }]) => [method, slotOf(name)]));
const NOWHERE_SLOT = slotOf(NOWHERE);

/** Which bucket a call of a method takes from. */
export const slotOfMethod = (method: string | undefined): number =>
  method === undefined ? NOWHERE_SLOT : (slots.get(method) ?? NOWHERE_SLOT);

/** What a method is a part of. */
export const brickOfMethod = (method: string | undefined): BrickName | undefined =>
  method === undefined ? undefined : rpcMethods.get(method)?.brick;
