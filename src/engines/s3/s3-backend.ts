/**
 * A bucket, or what lies below a prefix of one, as a tree of files. Guarantees, beside those of the port: a file is an object
 * of the same name; a directory is what names of objects have in common, and an empty one an object whose name ends with `/`,
 * which is made where the last of a directory is taken away here; a store that can make an object only if it is as expected
 * is asked to.
 */
import {
  type Backend,
  BackendError,
  type Changing,
  type Content,
  type Entry,
  type Listing,
  namesOf,
  type Opened,
  type Page,
  type Reading,
} from '../../ports/backend.ts';
import { asBackend, failed, goOn } from './backend-errors.ts';
import type { S3Client } from './client.ts';
import { S3Error } from './errors.ts';
import { PART_BYTES, type Part, partBytesOf, putInParts } from './multipart.ts';
import {
  bodyOf,
  deleteObject,
  getObject,
  getWhole,
  headObject,
  inParallel,
  listObjects,
  type OpenObject,
  putObject,
  sha256Of,
} from './objects.ts';
import { directoryEntry, fileEntry, Tree } from './tree.ts';

const folderOf = (path: string): string => (path === '' ? '' : `${path}/`);

/** Directories above a path, but for the root. */
const above = (path: string): string[] => {
  const names = namesOf(path);
  return names.slice(1).map((_, at) => names.slice(0, at + 1).join('/'));
};

export class S3Backend implements Backend {
  readonly #s3: S3Client;
  readonly #pageEntries: number;
  /** The store takes conditions on what it writes; known after it has refused one. */
  #conditional = true;

  constructor(s3: S3Client, pageEntries: number) {
    this.#s3 = s3;
    this.#pageEntries = pageEntries;
  }

  async stat(path: string, signal: AbortSignal): Promise<Entry | undefined> {
    const parents = above(path);
    goOn(signal);
    if (path === '') return directoryEntry('');
    return asBackend(path, async () => {
      const [file, hidden] = await Promise.all([
        headObject(this.#s3, path, { signal }),
        this.#anyFile(parents, signal),
      ]);
      if (hidden) return undefined;
      if (file) return fileEntry(path, file);
      return (await this.#hasBelow(path, signal)) ? directoryEntry(path) : undefined;
    });
  }

  async *list(directory: string, { recursive, signal }: Listing): AsyncIterable<Page> {
    namesOf(directory);
    goOn(signal);
    const folder = folderOf(directory);
    const tree = new Tree(folder);
    const delimiter = recursive ? undefined : '/';
    const pages = listObjects(this.#s3, { prefix: folder, delimiter, max: this.#pageEntries, signal });
    try {
      for await (const page of pages) {
        const { entries, left_out } = tree.entriesOf(page);
        // Directories on the way to a key come beside those that the store counts.
        for (let at = 0; at === 0 || at < entries.length; at += this.#pageEntries)
          yield { entries: entries.slice(at, at + this.#pageEntries), left_out: at === 0 ? left_out : 0 };
      }
    } catch (thrown) {
      throw failed(thrown, directory);
    }
    if (!tree.found && directory !== '') throw await this.#noDirectory(directory, signal);
  }

  async open(path: string, { range, signal }: Reading): Promise<Opened> {
    namesOf(path);
    goOn(signal);
    return asBackend(path, async () => {
      const opened = await this.#read(path, { range, signal });
      if (opened) return { entry: fileEntry(path, opened.object), bytes: readOn(opened, path) };
      if (path === '' || (await this.#hasBelow(path, signal)))
        throw new BackendError('IS_A_DIRECTORY', `${path || 'the root'} is a directory`);
      throw new BackendError('MISSING', `${path} is not there`);
    });
  }

  async #read(path: string, { range, signal }: Reading): Promise<OpenObject | undefined> {
    try {
      if (!range) return await getWhole(this.#s3, path, { signal });
      if (range.start < range.end) return await getObject(this.#s3, path, { ...range, signal });
    } catch (thrown) {
      const status = thrown instanceof S3Error ? thrown.status : 0;
      if (status === 404 && !isBucketMissing(thrown)) return undefined;
      if (status !== 416) throw thrown;
    }
    const object = await headObject(this.#s3, path, { signal });
    return object && { object, pieces: none() };
  }

  async write(path: string, content: Content, { expect, signal }: Changing): Promise<Entry> {
    const parents = above(path);
    goOn(signal);
    return asBackend(path, async () => {
      const [there, hidden, isDirectory] = await Promise.all([
        headObject(this.#s3, path, { signal }),
        this.#anyFile(parents, signal),
        this.#hasBelow(path, signal),
      ]);
      if (hidden) throw notADirectory(hidden);
      if (isDirectory) throw new BackendError('IS_A_DIRECTORY', `${path} is a directory`);
      checkExpected(path, there && fileEntry(path, there).tag, expect);
      await this.#put(path, content, { expect, signal });
      const written = await headObject(this.#s3, path, { signal });
      if (!written) throw new BackendError('CHANGED', `${path} was removed as soon as it was written`);
      return fileEntry(path, written);
    });
  }

  async #put(path: string, content: Content, { expect, signal }: Changing): Promise<void> {
    if (!this.#conditional || expect === undefined) return store(this.#s3, path, { content, signal });
    const headers: Record<string, string> = expect === null ? { 'if-none-match': '*' } : { 'if-match': `"${expect}"` };
    try {
      await store(this.#s3, path, { content, signal, headers, once: true });
    } catch (thrown) {
      if (!(thrown instanceof S3Error) || thrown.code !== 'NotImplemented') throw thrown;
      this.#conditional = false;
      await store(this.#s3, path, { content, signal });
    }
  }

  async remove(path: string, { expect, signal }: Changing): Promise<boolean> {
    namesOf(path);
    goOn(signal);
    return asBackend(path, async () => {
      const there = await headObject(this.#s3, path, { signal });
      if (!there && (await this.#hasBelow(path, signal)))
        throw new BackendError('IS_A_DIRECTORY', `${path} is a directory`);
      checkExpected(path, there && fileEntry(path, there).tag, expect);
      if (!there) return false;
      await deleteObject(this.#s3, path, { signal });
      await this.#keepAbove(path, signal);
      return true;
    });
  }

  async makeDirectory(path: string, signal: AbortSignal): Promise<void> {
    const way = [...above(path), path];
    goOn(signal);
    await asBackend(path, async () => {
      const [file, isThere] = await Promise.all([this.#anyFile(way, signal), this.#hasBelow(path, signal)]);
      if (file) throw notADirectory(file);
      if (!isThere) await this.#mark(path, signal);
    });
  }

  async removeDirectory(
    path: string,
    { recursive, signal }: { readonly recursive: boolean; readonly signal: AbortSignal },
  ): Promise<boolean> {
    namesOf(path);
    goOn(signal);
    return asBackend(path, async () => {
      const folder = folderOf(path);
      const keys: string[] = [];
      for await (const page of this.list(path, { recursive: true, signal })) {
        if (page.left_out > 0) throw new BackendError('NOT_EMPTY', `${path} holds what is no file of ours`);
        if (!recursive && page.entries.length > 0) throw new BackendError('NOT_EMPTY', `${path} is not empty`);
        for (const entry of page.entries) keys.push(entry.kind === 'file' ? entry.path : folderOf(entry.path));
      }
      await inParallel(keys, (key) => deleteObject(this.#s3, key, { signal }));
      await deleteObject(this.#s3, folder, { signal });
      await this.#keepAbove(path, signal);
      return true;
    }).catch((thrown: unknown) => {
      if (thrown instanceof BackendError && thrown.code === 'MISSING') return false;
      throw thrown;
    });
  }

  rename(): Promise<void> {
    return Promise.reject(new BackendError('REFUSED', 'a bucket renames nothing'));
  }

  async close(): Promise<void> {}

  /** The first of some paths that is a file. */
  async #anyFile(paths: readonly string[], signal: AbortSignal): Promise<string | undefined> {
    const found = await Promise.all(paths.map((path) => headObject(this.#s3, path, { signal })));
    return paths.find((_, at) => found[at]);
  }

  async #hasBelow(path: string, signal: AbortSignal): Promise<boolean> {
    const first = await listObjects(this.#s3, { prefix: folderOf(path), max: 1, signal }).next();
    return !first.done && first.value.objects.length > 0;
  }

  async #noDirectory(path: string, signal: AbortSignal): Promise<unknown> {
    const file = await asBackend(path, () => this.#anyFile([...above(path), path], signal));
    return file === path ? notADirectory(path) : new BackendError('MISSING', `${path} is not there`);
  }

  async #mark(path: string, signal: AbortSignal): Promise<void> {
    await putObject(this.#s3, folderOf(path), { body: bodyOf(new Uint8Array()), signal });
  }

  /** What held the last thing that was taken away stays as a directory. */
  async #keepAbove(path: string, signal: AbortSignal): Promise<void> {
    const parent = above(path).at(-1);
    if (parent !== undefined && !(await this.#hasBelow(parent, signal))) await this.#mark(parent, signal);
  }
}

interface Storing {
  readonly content: Content;
  readonly signal: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
  readonly once?: boolean;
}

async function store(s3: S3Client, key: string, { content, ...given }: Storing): Promise<void> {
  const { size } = content;
  if (size >= PART_BYTES) {
    await putInParts(s3, { key, size, parts: partsOf(content), ...given });
    return;
  }
  await putObject(s3, key, { body: await hashed(content, 0, size), ...given });
}

async function* partsOf(content: Content): AsyncGenerator<Part> {
  const bytes = partBytesOf(content.size);
  for (let start = 0; start < content.size; start += bytes)
    yield { body: await hashed(content, start, Math.min(start + bytes, content.size)) };
}

/** A part of a content, read once for its hash; REFUSED where it is not as long as it says. */
async function hashed(content: Content, start: number, end: number) {
  let size = 0;
  const sha256 = await sha256Of(content.read(start, end), (piece) => {
    size += piece.length;
  });
  if (size !== end - start) throw new BackendError('REFUSED', `a content of ${end - start} bytes came as ${size}`);
  return { size, sha256, read: () => content.read(start, end) };
}

async function* readOn({ pieces }: OpenObject, path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* pieces;
  } catch (thrown) {
    throw failed(thrown, path);
  }
}

async function* none(): AsyncGenerator<Uint8Array> {}

function checkExpected(path: string, tag: string | undefined, expect: string | null | undefined): void {
  if (expect === undefined || (tag ?? null) === expect) return;
  throw new BackendError('CHANGED', `${path} is not what it was`);
}

const notADirectory = (path: string): BackendError => new BackendError('NOT_A_DIRECTORY', `${path} is no directory`);

const isBucketMissing = (thrown: unknown): boolean => thrown instanceof S3Error && thrown.code === 'NoSuchBucket';
