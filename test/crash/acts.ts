/**
 * What one writer does to a folder of its own, chosen by chance, together with the tree that each act leaves: the model
 * that the restarted server is held against.
 */
import { createHash } from 'node:crypto';

export interface Entry {
  readonly kind: 'f' | 'd';
  readonly etag: string | null;
  readonly version: number | null;
  readonly size: number;
}

/** Entries by path, the folder itself left out. */
export type Tree = ReadonlyMap<string, Entry>;

export interface Act {
  readonly method: string;
  readonly params: object;
  /** Events that it appends. */
  readonly events: number;
  /** The tree once it is done. */
  readonly after: Tree;
}

/** A number from 0 to 1, the same ones for the same seed (mulberry32). */
export type Chance = () => number;

export function chanceOf(seed: number): Chance {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export const upTo = (chance: Chance, below: number): number => Math.floor(chance() * below);
const pick = <T>(chance: Chance, list: readonly T[]): T | undefined => list[upTo(chance, list.length)];

export const hashOf = (content: string): string => createHash('sha256').update(content).digest('hex');

export interface Writer {
  /** Path of its folder. */
  readonly home: string;
  /** Name that no other writer of the campaign has. */
  readonly name: string;
  readonly chance: Chance;
  /** Large contents that several writers store at the same time; none: all contents stay inside SQL. */
  readonly shared: readonly string[];
}

const DIRECTORY: Entry = { kind: 'd', etag: null, version: null, size: 0 };
const INLINE_BYTES = 64 * 1024;

/** Mostly small; now and then large enough for a blob file, rarely for a spool too. */
function contentFor({ chance, name, shared }: Writer): string {
  const kind = chance();
  const unique = `${name} ${chance()} `;
  if (kind < 0.7 || shared.length === 0) return unique.repeat(upTo(chance, 40));
  if (kind < 0.85) return unique.repeat(Math.ceil(INLINE_BYTES / unique.length) + upTo(chance, 2_000));
  if (kind < 0.99) return pick(chance, shared) ?? unique;
  return unique.repeat(Math.ceil((1_100 * 1024) / unique.length));
}

function withFile(tree: Tree, home: string, file: { path: string; content: string }): Map<string, Entry> {
  const after = withParents(tree, home, file.path);
  const version = (tree.get(file.path)?.version ?? 0) + 1;
  return after.set(file.path, {
    kind: 'f',
    etag: hashOf(file.content),
    version,
    size: Buffer.byteLength(file.content),
  });
}

function withParents(tree: Tree, home: string, path: string): Map<string, Entry> {
  const after = new Map(tree);
  for (let at = path.lastIndexOf('/'); at > home.length; at = path.lastIndexOf('/', at - 1)) {
    after.set(path.slice(0, at), DIRECTORY);
  }
  return after;
}

const isWithin = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);

function without(tree: Tree, folder: string): Map<string, Entry> {
  return new Map([...tree].filter(([path]) => !isWithin(path, folder)));
}

function moved(tree: Tree, from: string, to: string): Map<string, Entry> {
  return new Map([...tree].map(([path, entry]) => [isWithin(path, from) ? to + path.slice(from.length) : path, entry]));
}

const newPath = ({ home, chance }: Writer): string =>
  chance() < 0.5 ? `${home}/f${upTo(chance, 8)}` : `${home}/d${upTo(chance, 3)}/f${upTo(chance, 8)}`;

const filesOf = (tree: Tree): string[] => [...tree].filter(([, { kind }]) => kind === 'f').map(([path]) => path);
const foldersOf = (tree: Tree): string[] => [...tree].filter(([, { kind }]) => kind === 'd').map(([path]) => path);

type Choice = (writer: Writer, tree: Tree) => Act | undefined;

const write = (writer: Writer, tree: Tree): Act => {
  const file = { path: newPath(writer), content: contentFor(writer) };
  return { method: 'write', params: file, events: 1, after: withFile(tree, writer.home, file) };
};

const writeBatch: Choice = (writer, tree) => {
  const { home, chance } = writer;
  const folder = `${home}/d${upTo(chance, 3)}`;
  const count = chance() < 0.2 ? 60 : 2 + upTo(chance, 8);
  const files = Array.from({ length: count }, (_, i) => ({
    path: `${folder}/b${i}`,
    content: `${writer.name} ${chance()}`,
  }));
  const large = files[0];
  if (large && chance() < 0.3) large.content = contentFor(writer);
  const after = files.reduce<Tree>((grown, file) => withFile(grown, home, file), tree);
  return { method: 'write_batch', params: { files }, events: files.length, after };
};

const remove: Choice = ({ chance }, tree) => {
  const path = pick(chance, filesOf(tree));
  return path === undefined ? undefined : { method: 'delete', params: { path }, events: 1, after: without(tree, path) };
};

const makeFolder: Choice = ({ home, chance }, tree) => {
  const path = `${home}/d${upTo(chance, 3)}/d${upTo(chance, 20)}`;
  if (tree.has(path)) return undefined;
  const after = withParents(tree, home, path).set(path, DIRECTORY);
  return { method: 'mkdir', params: { path, parents: true }, events: 1, after };
};

const removeFolder: Choice = ({ chance }, tree) => {
  const path = pick(chance, foldersOf(tree));
  if (path === undefined) return undefined;
  return { method: 'rmdir', params: { path, recursive: true }, events: 1, after: without(tree, path) };
};

const renameFile: Choice = (writer, tree) => {
  const old_path = pick(writer.chance, filesOf(tree));
  const new_path = newPath(writer);
  if (old_path === undefined || tree.has(new_path)) return undefined;
  const after = moved(withParents(tree, writer.home, new_path), old_path, new_path);
  return { method: 'rename', params: { old_path, new_path }, events: 1, after };
};

const renameFolder: Choice = ({ home, chance }, tree) => {
  const old_path = pick(chance, foldersOf(tree));
  const new_path = `${home}/d${upTo(chance, 20)}`;
  if (old_path === undefined || tree.has(new_path) || isWithin(new_path, old_path)) return undefined;
  return { method: 'rename', params: { old_path, new_path }, events: 1, after: moved(tree, old_path, new_path) };
};

/** How often each is tried, out of the sum. */
const CHOICES: readonly (readonly [number, Choice])[] = [
  [40, write],
  [12, writeBatch],
  [10, remove],
  [6, makeFolder],
  [8, removeFolder],
  [10, renameFile],
  [8, renameFolder],
];
const TOTAL = CHOICES.reduce((sum, [weight]) => sum + weight, 0);

/** The next act of a writer; what cannot be done to the tree as it is becomes a write. */
export function nextAct(writer: Writer, tree: Tree): Act {
  let at = upTo(writer.chance, TOTAL);
  for (const [weight, choice] of CHOICES) {
    at -= weight;
    if (at < 0) return choice(writer, tree) ?? write(writer, tree);
  }
  return write(writer, tree);
}
