/** What a command of the line is, and the failure of one that was typed wrongly. */
import type { Transport } from '../../../client/transport.ts';
import type { ClientSettings } from '../../config/environment.ts';
import type { Terminal } from './terminal.ts';

/** What a text of the line becomes. */
export interface Takes {
  /**
   * `flag` takes no value; `json` a JSON value, `@file` or `-`; `object` is `type:id`, `subject` that or `type:id#relation`,
   * and both what `json` takes.
   */
  readonly takes: 'flag' | 'text' | 'number' | 'json' | 'object' | 'subject';
  /** Texts that are taken as something else: `true` and `false` as booleans, a JSON list as that list. */
  readonly or?: { readonly boolean: boolean; readonly list: boolean };
  /** How many texts an item of the list may be: given by position, so many words are one. */
  readonly group?: number;
}

export interface Option extends Takes {
  readonly name: string;
  readonly about: string;
  readonly short?: string;
  /** All that it takes, where that is one of a few words. */
  readonly words?: readonly string[] | undefined;
  /** Texts, several by commas or as a JSON list, and given several times: what comes is the list of all. */
  readonly many?: boolean;
  /** The least that a number may be; such a number is whole. */
  readonly least?: number;
}

/** What was typed behind the command's words. */
export interface Typed {
  readonly args: readonly string[];
  readonly options: Readonly<Record<string, unknown>>;
}

export interface Scene {
  readonly terminal: Terminal;
  readonly settings: ClientSettings;
  /** Made when asked for: commands that need no server need no key. */
  readonly transport: () => Transport;
}

export interface Command {
  /** Noun and verb, or the one word. */
  readonly words: string;
  readonly summary: string;
  /** Names of what is given by position; `name?` may be missing, `name…` takes the rest, `name…?` of what may be none. */
  readonly args: readonly string[];
  readonly options: readonly Option[];
  /** What to do about a fault, by its code, where this command has an answer. */
  readonly hints?: Readonly<Record<string, string>>;
  run(scene: Scene, typed: Typed): Promise<number | undefined>;
}

/** The line was typed wrongly: said in one line, exit code 2. */
export class UsageError extends Error {
  /** The line has not the form of its command: what that takes is told beside it. */
  readonly ofForm: boolean;

  constructor(message: string, { ofForm = false } = {}) {
    super(message);
    this.name = 'UsageError';
    this.ofForm = ofForm;
  }
}
