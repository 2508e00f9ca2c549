/**
 * What an operation is asked in the matrix, and what its declaration does not say: which grant it takes, what comes of it
 * without, and what an admin of the zone gets. Types only; the lists are beside this file.
 */
import type { Level, MatrixCaller, Spot } from './callers.ts';

export type Input = Readonly<Record<string, unknown>>;

/** Where a call is going to. */
export interface At {
  /** The zone in which the caller would act; of a zone that never was, the caller's own. */
  readonly zone: string;
  /** The zone as it is named; the own one where none is. */
  readonly named: string;
  /** Different in each call. */
  readonly n: number;
  readonly caller: MatrixCaller;
  /** What was made in the zone beforehand, by name. */
  readonly made: Readonly<Record<string, string>>;
  /** Does something in the zone as its admin. */
  ok(method: string, params: Input): Promise<Input>;
  /** The same by a POST to a route. */
  rest(path: string, body: Input): Promise<Input>;
  /** A conflict that is open in the zone, of a path whose mount is gone; gives its id. */
  conflict(path: string): Promise<string>;
  /** Begins an upload in the zone as its admin; gives its id. */
  begin(): Promise<string>;
}

export interface Case {
  readonly title?: string;
  /** The lowest grant that suffices; `admin`: none does. */
  readonly level: Level | 'admin';
  /** Where it has to be; `/given` unless said otherwise. */
  readonly spot?: Spot;
  /** Code of the fault without that grant; ACCESS_DENIED unless said otherwise. */
  readonly without?: string | ((level: Level) => string);
  /** It always succeeds, and the answer has this in it exactly where the grant suffices. */
  readonly shows?: string;
  /** What comes of it where everything suffices, if that is no success. */
  readonly ends?: string;
  /** In the own zone an admin gets this. */
  readonly ownZone?: string;
  /** Without credentials, of a public operation. */
  readonly nobody?: string;
  /** By a key that has no role, of a public operation. */
  readonly noRole?: string;
  /** By its route, where it also has a method. */
  readonly byRoute?: true;
  /** The caller shows a token instead of its key. */
  readonly byToken?: true;
  /** The other zone is one made for this call only. */
  readonly freshZone?: true;
  input(at: At): Input | Promise<Input>;
}

export type Cases = Readonly<Record<string, readonly Case[]>>;
