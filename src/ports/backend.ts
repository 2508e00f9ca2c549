/**
 * Outside stores: places that keep files of their own, which other programs change too. A connector is a kind of store, a
 * backend one that is open. What every backend guarantees is written at {@link Backend} and held by the suite in
 * backend.contract.ts.
 *
 * Paths are relative to the root of the backend, their names joined by `/`; the root itself is ''. Every name passes
 * {@link isLegalName}, or the call is an AssertionError: so no path leaves the root by its text.
 */
import { strict as assert } from 'node:assert';
import type { z } from 'zod';
import { hasControl } from '../base/paths.ts';

/** A file or directory as the backend has it now. */
export interface Entry {
  readonly path: string;
  readonly kind: 'file' | 'directory';
  /** Bytes; 0 for a directory. */
  readonly size: number;
  /** Milliseconds. */
  readonly modified_at: number;
  /**
   * Fingerprint of the content: another content of the same path has another one. '' for a directory. Texts are compared
   * and nothing else; they hold no secrets, and no more than 256 characters.
   */
  readonly tag: string;
}

/** A part of a listing. */
export interface Page {
  readonly entries: readonly Entry[];
  /** What lies there and is no entry: links out of the root, devices, names that are no legal ones. */
  readonly left_out: number;
}

/** A file that is open. */
export interface Opened {
  /** Of the very bytes that come. */
  readonly entry: Entry;
  /**
   * The range asked for, in fresh pieces. Ends with CHANGED where the file was changed while it was read: whoever got the
   * last piece and then the end has what `entry` says. Has to be read to its end or returned from.
   */
  readonly bytes: AsyncIterable<Uint8Array>;
}

/** Bytes to write, readable any number of times. */
export interface Content {
  readonly size: number;
  /** Bytes [start, end), in pieces of any size. */
  read(start: number, end: number): AsyncIterable<Uint8Array>;
  /** As `lend` of a source of a blob (blobs.ts). */
  lend?(start: number, end: number): AsyncIterable<Uint8Array>;
}

export interface Reading {
  /** Bytes [start, end) of the file, cut at its end; all of them unless said. */
  readonly range?: { readonly start: number; readonly end: number };
  readonly signal: AbortSignal;
}

export interface Changing {
  /**
   * The tag of the file that is there, or null for none at all; undefined for whatever is there. CHANGED where it is
   * another. How sure a backend is of that is said in {@link Capabilities}: the least is a look just before.
   */
  readonly expect?: string | null | undefined;
  readonly signal: AbortSignal;
}

export interface Moving {
  readonly overwrite: boolean;
  readonly signal: AbortSignal;
}

export interface Listing {
  /** Everything below instead of what lies directly in it. */
  readonly recursive: boolean;
  readonly signal: AbortSignal;
}

/**
 * Calls fail with a {@link BackendError} and nothing else (but for AssertionErrors), as soon as they can once the signal is
 * aborted. A call that failed changed nothing, unless it is UNREACHABLE or was aborted: then it may have changed all that
 * it would have, or nothing; never a part of a file.
 */
export interface Backend {
  /** The file or directory at a path, or undefined; `''` is a directory always. What would be left out is undefined too. */
  stat(path: string, signal: AbortSignal): Promise<Entry | undefined>;

  /**
   * What lies in a directory, page by page in any order. What is there from the first page to the last comes once, with the
   * directories; what comes or goes meanwhile comes once or not at all. MISSING, NOT_A_DIRECTORY. A page has 1,000 entries at most.
   */
  list(directory: string, listing: Listing): AsyncIterable<Page>;

  /** MISSING, IS_A_DIRECTORY. */
  open(path: string, reading: Reading): Promise<Opened>;

  /**
   * Makes or replaces a file, with the directories above it; durable when it resolves. Nobody sees a part of it. Gives what
   * is there then. CHANGED, IS_A_DIRECTORY, NOT_A_DIRECTORY (through a file), FULL. What the source throws comes out as it is.
   */
  write(path: string, content: Content, changing: Changing): Promise<Entry>;

  /** Removes a file; false where nothing was there. Durable when it resolves. CHANGED, IS_A_DIRECTORY. */
  remove(path: string, changing: Changing): Promise<boolean>;

  /** Makes a directory with those above it, or finds it. Durable when it resolves. NOT_A_DIRECTORY where a file is in the way. */
  makeDirectory(path: string, signal: AbortSignal): Promise<void>;

  /**
   * Removes a directory; false where nothing was there. Durable when it resolves. NOT_EMPTY where something lies in it, unless
   * `recursive`: then only for what is left out of listings, and nothing is removed. NOT_A_DIRECTORY.
   */
  removeDirectory(
    path: string,
    removing: { readonly recursive: boolean; readonly signal: AbortSignal },
  ): Promise<boolean>;

  /**
   * Moves a file or directory, with the directories above its new place. Only where {@link Capabilities} has `rename`; atomic and
   * durable when it resolves. MISSING; CHANGED where something lies at `to`, unless both are files and `overwrite` is set;
   * NOT_A_DIRECTORY; REFUSED for a directory into itself.
   */
  rename(from: string, to: string, moving: Moving): Promise<void>;

  /** Lets go of what it holds; calls under way may fail. May be called again. */
  close(): Promise<void>;
}

/** What stores of a kind can do; a client is shown it. */
export interface Capabilities {
  /** Has directories that exist by themselves. False: empty ones are markers. */
  readonly directories: boolean;
  readonly rename: boolean;
  /** `expect: null` holds against every other writer. */
  readonly conditional_create: boolean;
  /** `expect` with a tag holds against every other writer. */
  readonly conditional_replace: boolean;
  /** Removing a directory with all below it happens as a whole. */
  readonly atomic_remove: boolean;
}

/** A kind of stores. */
export interface Connector {
  readonly type: string;
  readonly category: string;
  readonly description: string;
  /** Names of fields that are secrets. */
  readonly secrets: readonly string[];
  /** What the server needs for it: settings, nodes. */
  readonly requires: readonly string[];
  readonly capabilities: Capabilities;
  /** Reaches into the machine of the server itself, which only those may let it who run the server. */
  readonly reachesHost: boolean;
  /** Strict; unknown fields are issues. */
  readonly config: z.ZodType<BackendConfig>;
  /**
   * Opens a store and looks whether it is there. UNREACHABLE. A Fault ACCESS_DENIED or INVALID_PARAMS for what the settings of the
   * server forbid, before anything is reached for.
   */
  open(config: BackendConfig, signal: AbortSignal): Promise<OpenBackend>;
  /** Of a kind whose stores are made where they are missing: when they are mounted, and never later, since one may have been taken away. */
  readonly making?: Making;
}

export interface Making {
  /** Where the store lies, or would lie once it is made. Makes nothing; fails as `open` does. */
  placeOf(config: BackendConfig): Promise<Place>;
  /** Makes it, if it is missing, or fails and has made nothing. Gives what takes away what it made, unless something was put there. */
  make(config: BackendConfig): Promise<() => Promise<void>>;
}

export type BackendConfig = Readonly<Record<string, string | number | boolean>>;

/** A store with its place, as it was when it was opened: names that lead elsewhere are resolved. */
export interface OpenBackend {
  readonly backend: Backend;
  readonly place: Place;
}

/** Where a store lies: two with equal `store` overlap when one's path is the other's or lies above it. */
export interface Place {
  readonly store: string;
  /** Absolute, `/`-separated. */
  readonly path: string;
}

export type BackendErrorCode =
  | 'UNREACHABLE'
  | 'MISSING'
  | 'IS_A_DIRECTORY'
  | 'NOT_A_DIRECTORY'
  | 'NOT_EMPTY'
  | 'CHANGED'
  | 'FULL'
  | 'REFUSED';

/** REFUSED: the store takes no such name or size, or what is there is nothing that it may touch. */
export class BackendError extends Error {
  readonly code: BackendErrorCode;

  constructor(code: BackendErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'BackendError';
    this.code = code;
  }
}

export const BACKEND_PAGE_ENTRIES = 1_000;

/** May a name of the store be a name of a path? Its length is for others to judge. */
export const isLegalName = (name: string): boolean =>
  name !== '' && name !== '.' && name !== '..' && !name.includes('/') && !hasControl(name) && name.isWellFormed();

/** The names of a path of the backend; [] for its root. */
export function namesOf(path: string): string[] {
  if (path === '') return [];
  const names = path.split('/');
  assert(names.every(isLegalName), `${JSON.stringify(path)} is no path of a backend`);
  return names;
}
