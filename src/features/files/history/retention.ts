/**
 * Which past states may go (files.md §7, retention). Pure. Guarantees: a state that a snapshot, a branch or the base of
 * the next merge needs is kept; so are the newest versions of every file and all that ended within the days of history;
 * only a zone that passes its limit of history bytes loses more, the oldest first.
 */
import { type Link, MAIN } from '../view.ts';

/** A moment of one branch. */
export interface Pin {
  readonly branch: string;
  readonly revision: number;
}

/** Revisions by branch, ascending, at which its states are needed. */
export type Pins = ReadonlyMap<string, readonly number[]>;

/** What moments of branches need of these branches and of those they grew from. */
export function pinsOf(moments: readonly Pin[], links: readonly Link[]): Pins {
  const byKey = new Map(links.map((link) => [link.branch, link]));
  const found = new Map<string, Set<number>>();
  const grown = links.map(({ parent, base_revision }) => ({ branch: parent, revision: base_revision }));
  for (const moment of [...moments, ...grown]) {
    let { branch, revision } = moment;
    for (;;) {
      const known = found.get(branch) ?? new Set();
      found.set(branch, known.add(revision));
      const link = byKey.get(branch);
      if (!link) break;
      branch = link.parent;
      revision = Math.min(revision, link.base_revision);
    }
  }
  return new Map([...found].map(([branch, revisions]) => [branch, [...revisions].sort((a, b) => a - b)]));
}

/** A state that has ended. */
export interface PastState {
  readonly branch: string;
  readonly path: string;
  readonly kind: string;
  readonly began: number;
  readonly ended: number;
  readonly size: number;
  /** 1 for one of the newest versions of a file that exists. */
  readonly newest: number;
}

export interface Rule {
  readonly pins: Pins;
  /** Newest revision that is older than the days of history. */
  readonly cut: number;
  /** Bytes by which history passes its limit; 0 or less for none. */
  readonly excess: number;
}

export interface Verdict {
  readonly pruned: readonly PastState[];
  readonly excess: number;
}

/** Decides on states in the order in which they ended. */
export function judge(states: readonly PastState[], rule: Rule): Verdict {
  const pruned: PastState[] = [];
  let { excess } = rule;
  for (const state of states) {
    if (isPinnedBy(rule.pins, state)) continue;
    const old = state.ended <= rule.cut && state.newest === 0;
    if (!old && !(excess > 0 && state.kind === 'f')) continue;
    pruned.push(state);
    if (state.kind === 'f') excess -= state.size;
  }
  return { pruned, excess };
}

/** Does the state hold at one of the revisions? */
function isPinnedBy(pins: Pins, { branch, began, ended }: PastState): boolean {
  const revisions = pins.get(branch) ?? [];
  let low = 0;
  let high = revisions.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (revisions[middle]! < began) low = middle + 1;
    else high = middle;
  }
  const next = revisions[low];
  return next !== undefined && next < ended;
}

/** Is it a branch that was deleted? */
export const isDeleted = (branch: string, links: readonly Link[]): boolean =>
  branch !== MAIN && !links.some((link) => link.branch === branch);
