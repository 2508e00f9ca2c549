/** What a method answers over the wire, by its name or an older one, as the types of the client have it. */
import type { Method, Result } from '../client/index.ts';

/** Other names of methods that tests call. */
interface Aliases {
  readonly stat: 'get_metadata';
  readonly metadata_batch: 'stat_bulk';
}

/** Bytes as JSON-RPC has them. */
export interface BytesMarker {
  readonly __type__: 'bytes';
  readonly data: string;
}

type Marked<T> = T extends Uint8Array ? BytesMarker : T extends object ? { [K in keyof T]: Marked<T[K]> } : T;

/** `unknown` for a method that the compiler does not know by name. */
export type Answer<M extends string, P> = M extends Method
  ? Marked<Result<M, P>>
  : M extends keyof Aliases
    ? Marked<Result<Aliases[M], P>>
    : unknown;

/** Details of a fault: any of them may be there. */
export interface FaultDetails {
  readonly code: string;
  readonly issues: readonly { readonly path: string; readonly message: string }[];
  readonly [detail: string]: unknown;
}
