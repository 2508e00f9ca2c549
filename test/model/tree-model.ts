/**
 * A naive tree of one branch with all that files.md §7 and §8 say of a file: bytes, representation, content type,
 * metadata, versions. Every operation copies a map, and every revision keeps its own: the state as of any of them is a
 * look into a list, and a branch would be such a list that begins with another one's state.
 */
import { createHash } from 'node:crypto';
import { inside, parentOf, Refused } from './history-model.ts';

export interface Version {
  readonly version: number;
  readonly bytes: Buffer;
  readonly encoding: 'utf-8' | 'base64';
  readonly content_type: string;
  /** Those that the version came to have. */
  readonly metadata: object;
  readonly reason: string;
  /** Where it was written. */
  readonly path: string;
}

export interface Entry {
  /** Identity: a file goes on through versions and renames. */
  readonly id: number;
  readonly revision: number;
  /** Oldest first; none for a directory. */
  readonly versions: readonly Version[];
}

export type State = ReadonlyMap<string, Entry>;

export interface ModelEvent {
  readonly type: string;
  readonly path: string;
  readonly old_path?: string;
  readonly via?: string;
}

export interface Match {
  readonly if_match?: string;
}

/** What of a new version is not kept from the one before. */
export interface Content {
  readonly bytes: Buffer;
  readonly encoding: 'utf-8' | 'base64';
  readonly content_type?: string;
  readonly metadata?: object;
}

export interface Written {
  readonly version: number;
  readonly size: number;
  readonly etag: string;
  readonly created: boolean;
  readonly encoding: string;
  readonly content_type: string;
}

export const etagOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
export const isText = (bytes: Buffer): boolean => Buffer.from(bytes.toString('utf8')).equals(bytes);
export const nowOf = (entry: Entry): Version | undefined => entry.versions.at(-1);
const etagOfEntry = (entry: Entry | undefined): string | undefined => {
  const now = entry && nowOf(entry);
  return now && etagOf(now.bytes);
};
const isFile = (entry: Entry | undefined): boolean => entry !== undefined && entry.versions.length > 0;
const typeByName = (path: string): string => (path.endsWith('.md') ? 'text/markdown' : 'application/octet-stream');

function foldersAbove(path: string): string[] {
  const above: string[] = [];
  for (let at = parentOf(path); at !== '/'; at = parentOf(at)) above.unshift(at);
  return above;
}

export class TreeModel {
  /** By revision: states[0] is the empty tree. */
  readonly states: State[] = [new Map()];
  readonly events: ModelEvent[] = [];
  private ids = 0;

  get revision(): number {
    return this.states.length - 1;
  }

  get state(): State {
    return this.states[this.revision]!;
  }

  /** Nothing that `work` did is left when it throws. */
  attempt<T>(work: () => T): T {
    const before = this.revision;
    try {
      return work();
    } catch (thrown) {
      this.states.length = before + 1;
      this.events.length = before;
      throw thrown;
    }
  }

  write(path: string, content: Content, more: Match & { if_none_match?: boolean } = {}): Written {
    refuseRoot(path);
    this.throughFolders(path);
    const entry = this.state.get(path);
    if (entry && !isFile(entry)) throw new Refused('IS_A_DIRECTORY');
    matches(entry, more);
    if (more.if_none_match && entry) throw new Refused('ALREADY_EXISTS');
    return this.put(path, content, 'write');
  }

  append(path: string, part: Content, more: Match): Written {
    refuseRoot(path);
    this.throughFolders(path);
    const entry = this.state.get(path);
    if (entry && !isFile(entry)) throw new Refused('IS_A_DIRECTORY');
    matches(entry, more);
    const now = entry && nowOf(entry);
    if (!now) return this.put(path, part, 'append');
    const both = now.encoding === 'utf-8' && part.encoding === 'utf-8';
    const bytes = Buffer.concat([now.bytes, part.bytes]);
    const { content_type } = now;
    return this.put(path, { bytes, encoding: both ? 'utf-8' : 'base64', content_type }, 'append');
  }

  /** Exact edits of texts without blanks; undefined when one of them finds no place, or several. */
  edit(path: string, edits: readonly (readonly [string, string])[], more: Match): Written | undefined {
    const now = this.fileAt(path, more);
    if (!isText(now.bytes)) throw new Refused('NOT_TEXT');
    let text = now.bytes.toString('utf8');
    let failed = false;
    for (const [old, replacement] of edits) {
      const pieces = text.split(old);
      // Overlapping places are several too.
      const several = pieces.length > 2 || text.indexOf(old) !== text.lastIndexOf(old);
      if (pieces.length === 1 || several) failed = true;
      else text = pieces.join(replacement);
    }
    if (failed) return undefined;
    const { encoding, content_type } = now;
    return this.put(path, { bytes: Buffer.from(text), encoding, content_type }, 'edit');
  }

  rollback(path: string, version: number, more: Match): Written {
    this.fileAt(path, {});
    const old = this.state.get(path)?.versions.find((one) => one.version === version);
    if (!old) throw new Refused('VERSION_NOT_FOUND');
    matches(this.state.get(path), more);
    return this.put(path, old, 'rollback');
  }

  describe(path: string, metadata: object, more: Match): void {
    this.fileAt(path, more);
    this.change({ type: 'write', path, via: 'metadata' }, (tree, revision) => {
      const entry = tree.get(path)!;
      const versions = [...entry.versions.slice(0, -1), { ...nowOf(entry)!, metadata }];
      tree.set(path, { ...entry, revision, versions });
    });
  }

  remove(path: string, more: Match = {}): void {
    refuseRoot(path);
    this.fileAt(path, more);
    this.change({ type: 'delete', path }, (tree) => tree.delete(path));
  }

  /** Was it made? */
  mkdir(path: string, more: { readonly parents: boolean; readonly exist_ok: boolean }): boolean {
    if (path !== '/') this.throughFolders(path);
    const entry = this.state.get(path);
    const lenient = more.parents || more.exist_ok;
    if (entry || path === '/') {
      if (isFile(entry) || !lenient) throw new Refused('ALREADY_EXISTS');
      return false;
    }
    const parent = parentOf(path);
    if (parent !== '/' && !this.state.has(parent) && !more.parents) throw new Refused('PARENT_NOT_FOUND');
    this.change({ type: 'mkdir', path }, (tree, revision) => {
      this.makeParents(tree, path, revision);
      tree.set(path, { id: ++this.ids, revision, versions: [] });
    });
    return true;
  }

  /** Counts what goes. */
  rmdir(path: string, recursive: boolean): { files: number; directories: number } {
    refuseRoot(path);
    this.throughFolders(path);
    const entry = this.state.get(path);
    if (!entry) throw new Refused('FILE_NOT_FOUND');
    if (isFile(entry)) throw new Refused('NOT_A_DIRECTORY');
    const going = [...this.state].filter(([one]) => inside(one, path));
    if (going.length > 1 && !recursive) throw new Refused('DIRECTORY_NOT_EMPTY');
    this.change({ type: 'rmdir', path }, (tree) => {
      for (const [one] of going) tree.delete(one);
    });
    const files = going.filter(([, one]) => isFile(one)).length;
    return { files, directories: going.length - files };
  }

  /** Was it renamed? */
  rename(from: string, to: string, more: Match & { overwrite: boolean }): boolean {
    refuseRoot(from);
    refuseRoot(to);
    if (to !== from && inside(to, from)) throw new Refused('INVALID_PATH');
    this.throughFolders(from);
    const entry = this.state.get(from);
    if (!entry) throw new Refused('FILE_NOT_FOUND');
    matches(entry, more);
    if (from === to) return false;
    this.throughFolders(to);
    const there = this.state.get(to);
    if (there && !(more.overwrite && isFile(there) && isFile(entry))) throw new Refused('ALREADY_EXISTS');
    this.change({ type: 'rename', path: to, old_path: from }, (tree, revision) => {
      this.makeParents(tree, to, revision);
      for (const [one, moved] of [...tree].filter(([one]) => inside(one, from))) {
        tree.delete(one);
        tree.set(to + one.slice(from.length), { ...moved, revision });
      }
    });
    return true;
  }

  /** How many files were copied. */
  copy(from: string, to: string, more: { readonly recursive: boolean; readonly overwrite: boolean }): number {
    refuseRoot(to);
    if (to !== from && inside(to, from)) throw new Refused('INVALID_PATH');
    this.throughFolders(from);
    const entry = this.state.get(from);
    if (!entry) throw new Refused('FILE_NOT_FOUND');
    const source = nowOf(entry);
    if (!source && !more.recursive) throw new Refused('IS_A_DIRECTORY');
    this.throughFolders(to);
    const there = this.state.get(to);
    if (there && !(more.overwrite && isFile(there) && source)) throw new Refused('ALREADY_EXISTS');
    if (source) {
      this.put(to, source, 'copy');
      return 1;
    }
    const copied = [...this.state].filter(([one]) => inside(one, from));
    this.change({ type: 'write', path: to, via: 'copy' }, (tree, revision) => {
      this.makeParents(tree, to, revision);
      for (const [one, { versions }] of copied) {
        const path = to + one.slice(from.length);
        const fresh = versions.slice(-1).map((now) => ({ ...now, version: 1, reason: 'copy', path }));
        tree.set(path, { id: ++this.ids, revision, versions: fresh });
      }
    });
    return copied.filter(([, one]) => isFile(one)).length;
  }

  private put(path: string, content: Content, reason: string): Written {
    const before = this.state.get(path);
    const now = before && nowOf(before);
    const next: Version = {
      version: (now?.version ?? 0) + 1,
      bytes: content.bytes,
      encoding: content.encoding,
      content_type: content.content_type ?? typeByName(path),
      metadata: content.metadata ?? now?.metadata ?? {},
      reason,
      path,
    };
    this.change({ type: 'write', path, via: reason }, (tree, revision) => {
      this.makeParents(tree, path, revision);
      const versions = [...(before?.versions ?? []), next];
      tree.set(path, { id: before?.id ?? ++this.ids, revision, versions });
    });
    const { version, bytes, encoding, content_type } = next;
    return { version, size: bytes.length, etag: etagOf(bytes), created: !before, encoding, content_type };
  }

  private change(event: ModelEvent, work: (tree: Map<string, Entry>, revision: number) => void): void {
    const tree = new Map(this.state);
    work(tree, this.revision + 1);
    this.states.push(tree);
    this.events.push(event);
  }

  private makeParents(tree: Map<string, Entry>, path: string, revision: number): void {
    for (const folder of foldersAbove(path)) {
      if (!tree.has(folder)) tree.set(folder, { id: ++this.ids, revision, versions: [] });
    }
  }

  private throughFolders(path: string): void {
    if (foldersAbove(path).some((folder) => isFile(this.state.get(folder)))) throw new Refused('NOT_A_DIRECTORY');
  }

  /** The newest version of a file that has to exist. */
  private fileAt(path: string, more: Match): Version {
    if (path === '/') throw new Refused('IS_A_DIRECTORY');
    this.throughFolders(path);
    const entry = this.state.get(path);
    if (!entry) throw new Refused('FILE_NOT_FOUND');
    const now = nowOf(entry);
    if (!now) throw new Refused('IS_A_DIRECTORY');
    matches(entry, more);
    return now;
  }
}

function refuseRoot(path: string): void {
  if (path === '/') throw new Refused('INVALID_PATH');
}

function matches(entry: Entry | undefined, { if_match }: Match): void {
  if (if_match !== undefined && if_match !== etagOfEntry(entry)) throw new Refused('ETAG_MISMATCH');
}
