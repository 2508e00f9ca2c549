/** What a type of event of a branch is (corpus.md §10). Each stands in a file of its own; apply.ts has the list. */
import { Fault } from '../../../../base/faults.ts';
import type { RandomSource } from '../random.ts';

/** JSON with fields of any name. */
export type Payload = Readonly<Record<string, unknown>>;

export interface Applying {
  /** Of the branch or document that it happens to. */
  readonly text: string;
  /** Validated. */
  readonly payload: Payload;
  /** The random source of this event; costs something, so ask for it where something is drawn. */
  readonly source: () => RandomSource;
  /** A text that is longer is refused whatever it is: one that would be need not be made. */
  readonly charactersMax: number;
}

export interface Applied {
  readonly text: string;
  /** Fields of the diff_summary beside the three that each has. */
  readonly summary: Payload;
}

export interface EventType {
  /** The payload with what is missing put in; throws BAD_REQUEST. `seed` is not its business. */
  validate(payload: Payload): Payload;
  /** Takes time and memory in proportion to the texts. */
  apply(applying: Applying): Applied;
}

export const badRequest = (message: string): Fault => new Fault('BAD_REQUEST', message);

/** The payload's own value, or what is put in where it is missing. */
export const given = (payload: Payload, name: string, unless: unknown): unknown =>
  Object.hasOwn(payload, name) ? payload[name] : unless;
