/** How much one JSON body may hold. Guarantee: the same is refused whether it was parsed while it came or in one go, but for names that are repeated: the latter counts the last. */
import { Fault } from '../../../base/faults.ts';
import type { Limits } from '../../../base/limits.ts';

export interface BodySize {
  /** Values in one body, containers included: each costs the heap far more than the two bytes of a `0,`. */
  readonly values: number;
  /** Names of one object: every step of a call that walks through one of 90,000 holds the event loop for some 100 ms. */
  readonly names: number;
}

export const bodySize = ({ RPC_BODY_VALUES: values, OBJECT_NAMES: names }: Limits): BodySize => ({ values, names });

export const tooManyValues = ({ values: maximum }: BodySize): Fault =>
  new Fault(
    'LIMIT_EXCEEDED',
    `The body holds more than ${maximum} values (RPC_BODY_VALUES); send it in several calls.`,
    {
      limit: 'RPC_BODY_VALUES',
      maximum,
      actual: maximum + 1,
    },
  );

export const tooManyNames = ({ names: maximum }: BodySize): Fault =>
  new Fault('LIMIT_EXCEEDED', `The body holds an object of more than ${maximum} names (OBJECT_NAMES).`, {
    limit: 'OBJECT_NAMES',
    maximum,
    actual: maximum + 1,
  });

/** The fewest bytes of a value, `0,`, and of a name with its own, `"":0,`. */
const VALUE_BYTES = 2;
const NAME_BYTES = 5;

/** Refuses a value that was parsed from so many bytes. It is not walked through where so few cannot hold too much. */
export function checkSize(value: unknown, bytes: number, size: BodySize): void {
  if (bytes <= size.values * VALUE_BYTES && bytes <= size.names * NAME_BYTES) return;
  const open: unknown[] = [value];
  for (let seen = 1; open.length > 0; ) {
    const container = open.pop();
    if (typeof container !== 'object' || container === null) continue;
    const held: readonly unknown[] = Array.isArray(container) ? container : Object.values(container);
    if (held.length > size.names && held !== container) throw tooManyNames(size);
    seen += held.length;
    if (seen > size.values) throw tooManyValues(size);
    for (const one of held) if (typeof one === 'object') open.push(one);
  }
}
