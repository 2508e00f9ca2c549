/**
 * A naive tree with branches: every branch is a map, and every revision keeps a copy of all of them. What files.md §7 and
 * §11 say, in the plainest way that could be right; the history of the server is held against it.
 */
export type Code = string;

export interface Node {
  readonly kind: 'f' | 'd';
  /** Identity: a file goes on through writes and renames; a copy or a file made again is another. */
  readonly id: number;
  readonly content: string;
  readonly metadata: string;
  readonly version: number;
  /** Made on this branch, not inherited from its parent: only then it counts. */
  readonly own: boolean;
}

export type Tree = ReadonlyMap<string, Node>;

export interface Branch {
  readonly name: string;
  readonly parent: string | null;
  readonly base: number;
  readonly born: number;
}

/** The fault that an operation ends with; nothing has changed then. */
export class Refused extends Error {
  readonly code: Code;

  constructor(code: Code) {
    super(code);
    this.code = code;
  }
}

export const parentOf = (path: string): string => path.slice(0, Math.max(1, path.lastIndexOf('/')));
export const inside = (path: string, folder: string): boolean =>
  path === folder || folder === '/' || path.startsWith(`${folder}/`);

const foldersAbove = (path: string): string[] => {
  const above: string[] = [];
  for (let at = parentOf(path); at !== '/'; at = parentOf(at)) above.unshift(at);
  return above;
};

export const like = (one: Node | undefined, other: Node | undefined): boolean =>
  one?.kind === other?.kind && one?.content === other?.content;
export const same = (one: Node | undefined, other: Node | undefined): boolean =>
  like(one, other) && one?.metadata === other?.metadata;

export class World {
  seq = 0;
  readonly branches = new Map<string, Branch>([['main', { name: 'main', parent: null, base: 0, born: 0 }]]);
  readonly merges = new Map<string, { branch: string; revision: number }>();
  private live = new Map<string, Map<string, Node>>([['main', new Map()]]);
  private readonly past = new Map<number, ReadonlyMap<string, Tree>>([[0, new Map([['main', new Map()]])]]);
  private ids = 0;

  tree(branch: string): Tree {
    const tree = this.live.get(branch);
    if (!tree) throw new Refused('BRANCH_NOT_FOUND');
    return tree;
  }

  /** A branch as of a revision; before it was made, its parent as of then. */
  treeAt(name: string, revision: number): Tree {
    const branch = this.branches.get(name);
    if (!branch) throw new Refused('BRANCH_NOT_FOUND');
    if (revision >= branch.born) return this.past.get(revision)?.get(name) ?? new Map();
    return branch.parent === null ? new Map() : this.treeAt(branch.parent, Math.min(revision, branch.base));
  }

  /** What counts against the zone. */
  used(): { files: number; bytes: number } {
    const own = [...this.live.values()].flatMap((tree) => [...tree.values()].filter((n) => n.own && n.kind === 'f'));
    return { files: own.length, bytes: own.reduce((sum, node) => sum + Buffer.byteLength(node.content), 0) };
  }

  /** Runs a change on a copy of a branch; false from it means that nothing changed. Gives the revision. */
  change(branch: string, work: (tree: Map<string, Node>) => boolean | undefined): number {
    const tree = new Map(this.tree(branch));
    if (work(tree) === false) return this.seq;
    this.live.set(branch, tree);
    return this.commit();
  }

  commit(): number {
    this.seq++;
    this.past.set(this.seq, new Map([...this.live].map(([name, tree]) => [name, new Map(tree)])));
    return this.seq;
  }

  newFile(content: string, metadata = '{}'): Node {
    return { kind: 'f', id: ++this.ids, content, metadata, version: 1, own: true };
  }

  newFolder(): Node {
    return { kind: 'd', id: ++this.ids, content: '', metadata: '{}', version: 0, own: true };
  }

  makeParents(tree: Map<string, Node>, path: string): void {
    for (const folder of foldersAbove(path)) {
      if (tree.get(folder)?.kind === 'f') throw new Refused('NOT_A_DIRECTORY');
    }
    for (const folder of foldersAbove(path)) if (!tree.has(folder)) tree.set(folder, this.newFolder());
  }

  /** The next version of what stands there, or a new file. */
  put(tree: Map<string, Node>, path: string, wanted: Pick<Node, 'kind' | 'content' | 'metadata'>): void {
    const before = tree.get(path);
    if (wanted.kind === 'd') tree.set(path, this.newFolder());
    else if (before?.kind !== 'f') tree.set(path, this.newFile(wanted.content, wanted.metadata));
    else {
      const { content, metadata } = wanted;
      tree.set(path, { ...before, content, metadata, version: before.version + 1, own: true });
    }
  }

  write(branch: string, path: string, content: string): number {
    return this.change(branch, (tree) => {
      checkParents(tree, path);
      const before = tree.get(path);
      if (before?.kind === 'd') throw new Refused('IS_A_DIRECTORY');
      this.makeParents(tree, path);
      this.put(tree, path, { kind: 'f', content, metadata: before?.metadata ?? '{}' });
      return true;
    });
  }

  describe(branch: string, path: string, metadata: string): number {
    return this.change(branch, (tree) => {
      const node = fileAt(tree, path);
      tree.set(path, { ...node, metadata, own: true });
      return true;
    });
  }

  remove(branch: string, path: string): number {
    return this.change(branch, (tree) => {
      fileAt(tree, path);
      return tree.delete(path);
    });
  }

  mkdir(branch: string, path: string): number {
    return this.change(branch, (tree) => {
      checkParents(tree, path);
      const before = tree.get(path);
      if (before?.kind === 'f') throw new Refused('ALREADY_EXISTS');
      if (before) return false;
      this.makeParents(tree, path);
      tree.set(path, this.newFolder());
      return true;
    });
  }

  rmdir(branch: string, path: string): number {
    return this.change(branch, (tree) => {
      checkParents(tree, path);
      const before = tree.get(path);
      if (!before) throw new Refused('FILE_NOT_FOUND');
      if (before.kind === 'f') throw new Refused('NOT_A_DIRECTORY');
      for (const one of [...tree.keys()]) if (inside(one, path)) tree.delete(one);
      return true;
    });
  }

  rename(branch: string, from: string, to: string): number {
    if (from !== to && inside(to, from)) throw new Refused('INVALID_PATH');
    return this.change(branch, (tree) => {
      checkParents(tree, from);
      const moved = tree.get(from);
      if (!moved) throw new Refused('FILE_NOT_FOUND');
      if (from === to) return false;
      checkParents(tree, to);
      const there = tree.get(to);
      if (there && !(there.kind === 'f' && moved.kind === 'f')) throw new Refused('ALREADY_EXISTS');
      this.makeParents(tree, to);
      for (const [path, node] of [...tree].filter(([path]) => inside(path, from))) {
        tree.delete(path);
        tree.set(to + path.slice(from.length), { ...node, own: true });
      }
      return true;
    });
  }

  copy(branch: string, from: string, to: string): number {
    if (from !== to && inside(to, from)) throw new Refused('INVALID_PATH');
    return this.change(branch, (tree) => {
      checkParents(tree, from);
      if (!tree.has(from)) throw new Refused('FILE_NOT_FOUND');
      checkParents(tree, to);
      if (tree.has(to)) throw new Refused('ALREADY_EXISTS');
      this.makeParents(tree, to);
      for (const [path, node] of [...tree].filter(([path]) => inside(path, from))) {
        this.put(tree, to + path.slice(from.length), node);
      }
      return true;
    });
  }

  createBranch(name: string, parent: string, at: number | undefined): number {
    this.tree(parent);
    if (this.branches.has(name)) throw new Refused('ALREADY_EXISTS');
    const base = at ?? this.seq;
    const seen = this.treeAt(parent, base);
    this.branches.set(name, { name, parent, base, born: this.seq + 1 });
    this.live.set(name, new Map([...seen].map(([path, node]) => [path, { ...node, own: false }])));
    return this.commit();
  }

  deleteBranch(name: string): number {
    if (name === 'main') throw new Refused('INVALID_PARAMS');
    this.tree(name);
    if ([...this.branches.values()].some(({ parent }) => parent === name)) throw new Refused('CONFLICT');
    this.live.delete(name);
    this.branches.delete(name);
    for (const key of [...this.merges.keys()]) if (key.split(' ').includes(name)) this.merges.delete(key);
    return this.commit();
  }

  restore(branch: string, to: number, path: string): number {
    return this.change(branch, (tree) => {
      const then = this.treeAt(branch, to);
      if (path !== '/') checkParents(tree, path);
      if (path !== '/' && !tree.has(path) && !then.has(path)) throw new Refused('FILE_NOT_FOUND');
      const before = new Map(tree);
      if (then.has(path)) this.makeParents(tree, path);
      for (const [at, node] of before) {
        if (inside(at, path) && then.get(at)?.kind !== node.kind) tree.delete(at);
      }
      for (const [at, node] of then) {
        if (inside(at, path) && !same(node, tree.get(at))) this.put(tree, at, node);
      }
      return !sameTree(before, tree);
    });
  }
}

/** Do both hold the very same nodes? */
export const sameTree = (one: Tree, other: Tree): boolean =>
  one.size === other.size && [...one].every(([path, node]) => other.get(path) === node);

function checkParents(tree: Tree, path: string): void {
  for (const folder of foldersAbove(path)) {
    if (tree.get(folder)?.kind === 'f') throw new Refused('NOT_A_DIRECTORY');
  }
}

function fileAt(tree: Tree, path: string): Node {
  checkParents(tree, path);
  const node = tree.get(path);
  if (!node) throw new Refused('FILE_NOT_FOUND');
  if (node.kind === 'd') throw new Refused('IS_A_DIRECTORY');
  return node;
}
