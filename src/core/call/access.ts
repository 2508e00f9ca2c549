/** What a call may do in its zone, as a handler asks for it: the needs of one, and sets of paths for many. */

export type Permission = 'read' | 'write' | 'execute' | 'share';

/** One permission that a call needs: `path` under files.md §5, inside the zone of the call. */
export interface Need {
  readonly permission: Permission;
  readonly path: string;
  /** Which of several inputs it belongs to; named in the denial. */
  readonly index?: number;
}

/** What the caller may do in the zone of the call, decided on the call's own snapshot. */
export interface Access {
  /** Throws ACCESS_DENIED unless every need is met. */
  require(needs: readonly Need[]): Promise<void>;
  /** The same decision as a value. */
  allows(permission: Permission, path: string): Promise<boolean>;
  /** The whole of what may be read, for filtering without a statement per entry. */
  readable(): Promise<PathSet>;
  writable(): Promise<PathSet>;
}

export type SubjectId = readonly [type: string, id: string];

/** A set of paths closed downwards: with a folder comes all that is below it. */
export interface PathSet {
  readonly everything: boolean;
  /** The topmost folders and files, sorted; none lies below another. */
  readonly roots: readonly string[];
  has(path: string): boolean;
  /** Is the path in the set, or something below it? */
  touches(path: string): boolean;
}
