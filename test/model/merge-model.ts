/**
 * What a merge comes to, in the plainest way: each path is decided by its three sides, then what cannot stand together
 * (something below a file) is settled until nothing of the kind is left.
 */
import { inside, like, type Node, parentOf, Refused, type Tree, type World } from './history-model.ts';

export type Strategy = 'fail' | 'ours' | 'theirs';

export interface Merge {
  readonly branch: string;
  readonly into: string;
  readonly strategy: Strategy;
}

interface Sides {
  readonly base: Tree;
  readonly ours: Tree;
  readonly theirs: Tree;
}

/** Gives the revision, or throws MERGE_CONFLICT. */
export function merge(world: World, { branch, into, strategy }: Merge): number {
  if (branch === into) throw new Refused('INVALID_PARAMS');
  const sides = { theirs: world.tree(branch), ours: world.tree(into), base: baseOf(world, branch, into) };
  const wanted = resultOf(sides, strategy === 'theirs');
  if (strategy === 'fail' && wanted.conflicts.size > 0) throw new Refused('MERGE_CONFLICT');
  const revision = world.change(into, (tree) => {
    let changed = false;
    for (const [path, node] of [...tree]) {
      if (wanted.tree.get(path)?.kind === node.kind) continue;
      tree.delete(path);
      changed = true;
    }
    for (const [path, node] of wanted.tree) {
      if (node === sides.ours.get(path)) continue;
      world.put(tree, path, node);
      changed = true;
    }
    return changed;
  });
  world.merges.set(`${branch} ${into}`, { branch, revision });
  return revision;
}

/** The newest merge of the two in either direction; else where the one grew from the other or from its parent. */
function baseOf(world: World, branch: string, into: string): Tree {
  const known = [world.merges.get(`${branch} ${into}`), world.merges.get(`${into} ${branch}`)];
  const [last] = known.filter((one) => one !== undefined).sort((a, b) => b.revision - a.revision);
  if (last) return world.treeAt(last.branch, last.revision);
  let seen = world.seq;
  for (let at = world.branches.get(into); at?.parent; at = world.branches.get(at.parent)) {
    seen = Math.min(seen, at.base);
    if (at.parent === branch) return world.treeAt(branch, seen);
  }
  const own = world.branches.get(branch);
  if (!own?.parent) throw new Error(`${branch} has no beginning`);
  return world.treeAt(own.parent, own.base);
}

interface Result {
  readonly tree: Map<string, Node>;
  readonly conflicts: Set<string>;
}

function resultOf(sides: Sides, takeTheirs: boolean): Result {
  const { base, ours, theirs } = sides;
  const tree = new Map(ours);
  const conflicts = new Set<string>();
  const put = new Set<string>();
  const dropped = new Set<string>();
  for (const path of new Set([...base.keys(), ...theirs.keys()])) {
    const decision = decide({ b: base.get(path), o: ours.get(path), t: theirs.get(path) }, takeTheirs);
    if (decision.conflict) conflicts.add(path);
    if (decision.node === ours.get(path)) continue;
    if (decision.node) {
      tree.set(path, decision.node);
      put.add(path);
    } else {
      tree.delete(path);
      dropped.add(path);
    }
  }
  settleBlocked({ sides, takeTheirs }, { tree, conflicts }, put);
  settleReplaced({ sides, takeTheirs }, { tree, conflicts }, put);
  // A folder stays as long as something is in it.
  for (const path of dropped) {
    const folder = ours.get(path);
    if (folder?.kind === 'd' && [...tree.keys()].some((one) => one !== path && inside(one, path)))
      tree.set(path, folder);
  }
  return { tree, conflicts };
}

interface Three {
  readonly b: Node | undefined;
  readonly o: Node | undefined;
  readonly t: Node | undefined;
}

interface Decision {
  readonly node: Node | undefined;
  readonly conflict?: boolean;
}

function decide({ b, o, t }: Three, takeTheirs: boolean): Decision {
  if (like(t, b)) {
    const described = t?.kind === 'f' && o?.kind === 'f' && t.metadata !== b?.metadata && o.metadata === b?.metadata;
    return { node: described ? { ...o, metadata: t.metadata } : o };
  }
  if (like(o, t)) return { node: o };
  const mixed = t && o?.kind === 'f' && t.kind === 'f' && t.metadata === b?.metadata;
  const taken = mixed ? { ...t, metadata: o.metadata } : t;
  if (like(o, b)) return { node: taken };
  if (o?.kind !== 'f' && t?.kind !== 'f') return { node: o ?? t };
  return { node: takeTheirs ? taken : o, conflict: true };
}

interface Settling {
  readonly sides: Sides;
  readonly takeTheirs: boolean;
}

/** What was put needs folders: missing ones are made; where we have a file instead, one of the two has to go. */
function settleBlocked({ sides, takeTheirs }: Settling, result: Result, put: Set<string>): void {
  const { tree, conflicts } = result;
  for (const path of [...put].sort()) {
    for (let above = parentOf(path); above !== '/'; above = parentOf(above)) {
      if (tree.get(above)?.kind === 'd') continue;
      const blocked = tree.has(above);
      if (blocked) conflicts.add(above);
      if (!blocked || takeTheirs) {
        const folder = sides.theirs.get(above);
        if (!folder) throw new Error(`${path} has no folder on its own branch`);
        tree.set(above, folder);
      }
    }
  }
  for (const [path, node] of [...tree]) {
    if (node.kind !== 'f') continue;
    for (const below of [...tree.keys()]) {
      if (below !== path && inside(below, path) && sides.ours.get(path)?.kind === 'f') tree.delete(below);
    }
  }
}

/** A file of theirs in the place of a folder of ours in which something stays. */
function settleReplaced({ sides, takeTheirs }: Settling, result: Result, put: Set<string>): void {
  const { tree, conflicts } = result;
  for (const path of put) {
    const folder = sides.ours.get(path);
    if (tree.get(path)?.kind !== 'f' || folder?.kind !== 'd') continue;
    const left = [...tree.keys()].filter((one) => one !== path && inside(one, path));
    if (left.length === 0) continue;
    conflicts.add(path);
    if (takeTheirs) for (const one of left) tree.delete(one);
    else tree.set(path, folder);
  }
}
