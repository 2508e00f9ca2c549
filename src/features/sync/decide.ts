/**
 * The three-way decision on a path: what is here, what the store has, and what both had when they last agreed (platform.md §5).
 * Pure. Guarantees: what one side alone has changed goes to the other; what both have changed alike is agreed on; everything
 * else is a conflict, and nobody's content is replaced by a decision.
 */

export const RESOLUTIONS = ['keep_local', 'keep_remote', 'keep_both'] as const;
export type Resolution = (typeof RESOLUTIONS)[number];

/** A file, by the hash of its content; null for none at all. */
export type Side = string | null;

export interface Sides {
  readonly local: Side;
  readonly remote: Side;
  /** Undefined where nobody knows any more: then it is like neither. */
  readonly base: Side | undefined;
}

/** `push` and `pull`: one side alone has changed. */
export type Decision = 'agree' | 'push' | 'pull' | 'conflict';

export function decide({ local, remote, base }: Sides): Decision {
  if (local === remote) return 'agree';
  if (remote === base) return 'push';
  if (local === base) return 'pull';
  return 'conflict';
}

/**
 * What a resolution makes of a conflict. `aside`: theirs comes here, and ours goes on under another name. A deletion yields to
 * a change.
 */
export type Settlement = 'push' | 'pull' | 'aside';

export function settlementOf(resolution: Resolution, { local, remote }: Pick<Sides, 'local' | 'remote'>): Settlement {
  if (resolution === 'keep_local') return 'push';
  if (resolution === 'keep_remote' || local === null) return 'pull';
  return remote === null ? 'push' : 'aside';
}

/** Which side a settlement replaces; null where both go on. */
export const lostBy = (settlement: Settlement): 'local' | 'remote' | null =>
  settlement === 'push' ? 'remote' : settlement === 'pull' ? 'local' : null;

/** A file of the store as it was seen, without its content. */
export interface Fingerprint {
  readonly tag: string;
}

/** What is remembered of the store's side of a path. */
export interface Base extends Fingerprint {
  /** Null where the content was never read. */
  readonly etag: string | null;
}

/**
 * What the store has now, as far as fingerprints tell it. `read`: its content has to be looked at. `attempt` is what was last
 * on its way there, by a push of which nobody heard the end.
 */
export function remoteByTag(
  base: Base | null,
  now: Fingerprint | undefined,
  attempt: Side | undefined,
): 'as remembered' | 'as attempted' | 'gone' | 'read' {
  if (now === undefined) {
    if (base === null) return 'as remembered';
    return attempt === null ? 'as attempted' : 'gone';
  }
  return base !== null && now.tag === base.tag ? 'as remembered' : 'read';
}

/** What both sides agreed on, where the store has what was on its way: that was ours, and is no change of theirs. */
export const baseAfter = (base: Side | undefined, remote: Side, attempt: Side | undefined): Side | undefined =>
  attempt !== undefined && remote === attempt ? attempt : base;
