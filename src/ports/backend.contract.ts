/**
 * What every backend must pass. A connector's test calls {@link backendContract} with a way to make an empty store, and with the
 * hands of another program that changes it.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Backend, Capabilities, Changing, Content, Entry } from './backend.ts';
import { BackendError } from './backend.ts';

export interface BackendPlace {
  /** The same store at every call. */
  open(): Promise<Backend>;
  /** Puts a file there as another program does, with the directories above it. */
  put(path: string, text: string): Promise<void>;
  /** Takes a file away as another program does. */
  take(path: string): Promise<void>;
  /** Puts there what listings leave out, in the root; gives how many. Undefined where no store of the kind has such things. */
  litter?(): Promise<number>;
  /** Frees the place; its backends are closed by then. */
  remove(): Promise<void>;
}

const signal = new AbortController().signal;
const anyhow: Changing = { signal };

const contentOf = (text: string): Content => ({
  size: Buffer.byteLength(text),
  async *read(start, end) {
    const bytes = Buffer.from(text);
    for (let at = start; at < end; at += 70_001) yield bytes.subarray(at, Math.min(end, at + 70_001));
  },
});

export async function readAll(
  backend: Backend,
  path: string,
  range?: { start: number; end: number },
): Promise<{ text: string; entry: Entry }> {
  const { entry, bytes } = await backend.open(path, { signal, ...(range ? { range } : {}) });
  const pieces = [];
  for await (const piece of bytes) pieces.push(piece);
  return { text: Buffer.concat(pieces).toString(), entry };
}

/** What a listing gives, by path. */
export async function listAll(
  backend: Backend,
  path = '',
  recursive = false,
): Promise<{ names: string[]; entries: Map<string, Entry>; left_out: number }> {
  const entries = new Map<string, Entry>();
  const names: string[] = [];
  let left_out = 0;
  for await (const page of backend.list(path, { recursive, signal })) {
    expect(page.entries.length).toBeLessThanOrEqual(1_000);
    left_out += page.left_out;
    for (const entry of page.entries) {
      entries.set(entry.path, entry);
      names.push(entry.kind === 'directory' ? `${entry.path}/` : entry.path);
    }
  }
  return { names: names.sort(), entries, left_out };
}

const failing = (code: string) => ({ name: 'BackendError', code });

export interface BackendUnderTest {
  readonly newPlace: () => Promise<BackendPlace>;
  readonly capabilities: Capabilities;
  /** Entries of a listing that has several pages. */
  readonly many?: number;
}

export function backendContract(name: string, { newPlace, capabilities, many = 1_205 }: BackendUnderTest): void {
  describe(`backend: ${name}`, () => {
    let place: BackendPlace;
    let backend: Backend;
    beforeEach(async () => {
      place = await newPlace();
      backend = await place.open();
    });
    afterEach(async () => {
      await backend.close();
      await backend.close();
      await place.remove();
    });
    const write = (path: string, text: string, expect_?: string | null): Promise<Entry> =>
      backend.write(path, contentOf(text), { signal, expect: expect_ });

    test('an empty store has a root and nothing else', async () => {
      expect(await backend.stat('', signal)).toMatchObject({ path: '', kind: 'directory', size: 0, tag: '' });
      expect(await backend.stat('a', signal)).toBeUndefined();
      expect(await backend.stat('a/b', signal)).toBeUndefined();
      expect(await listAll(backend)).toMatchObject({ names: [], left_out: 0 });
      expect(await listAll(backend, '', true)).toMatchObject({ names: [], left_out: 0 });
    });

    test('what is written is there, whole, with the directories above it, also for another opening', async () => {
      const text = 'é'.repeat(150_000);
      const written = await write('a/b/c.txt', text);
      expect(written).toMatchObject({ path: 'a/b/c.txt', kind: 'file', size: 300_000 });
      await backend.close();
      backend = await place.open();
      expect(await backend.stat('a/b/c.txt', signal)).toEqual(written);
      expect(await backend.stat('a/b', signal)).toMatchObject({ kind: 'directory', tag: '' });
      const read = await readAll(backend, 'a/b/c.txt');
      expect(read.entry).toEqual(written);
      expect(read.text === text).toBe(true);
    });

    test('times are those of the write, more or less', async () => {
      const { modified_at } = await write('a', 'x');
      expect(Number.isSafeInteger(modified_at)).toBe(true);
      expect(Math.abs(modified_at - Date.now())).toBeLessThan(600_000);
    });

    test('an empty file is a file', async () => {
      await write('empty', '');
      expect(await readAll(backend, 'empty')).toMatchObject({ text: '', entry: { size: 0 } });
    });

    test('names may be odd', async () => {
      const odd = [
        'with blank',
        ' edges ',
        '%2F',
        'a&b=c?d#e',
        '"\'`$\\',
        '…',
        '\u00e9',
        'e\u0301',
        '🦊',
        '-rf',
        '~',
        'A',
        'a',
      ];
      for (const one of odd) await write(`odd/${one}`, one);
      expect((await listAll(backend, 'odd')).names).toEqual(odd.map((one) => `odd/${one}`).sort());
      for (const one of odd) expect((await readAll(backend, `odd/${one}`)).text).toBe(one);
    });

    test('ranges are cut at the end', async () => {
      await write('a', '0123456789');
      expect((await readAll(backend, 'a', { start: 2, end: 5 })).text).toBe('234');
      expect((await readAll(backend, 'a', { start: 8, end: 50 })).text).toBe('89');
      expect((await readAll(backend, 'a', { start: 10, end: 50 })).text).toBe('');
      expect((await readAll(backend, 'a', { start: 3, end: 3 })).text).toBe('');
    });

    test('a reading that nobody goes on with ends', async () => {
      await write('a', 'x'.repeat(1_000_000));
      const { bytes } = await backend.open('a', { signal });
      for await (const piece of bytes) {
        expect(piece.length).toBeGreaterThan(0);
        break;
      }
      expect(await backend.remove('a', anyhow)).toBe(true);
    });

    test('what is not there, or is a directory, cannot be read', async () => {
      await write('a/b', 'x');
      await expect(readAll(backend, 'none')).rejects.toMatchObject(failing('MISSING'));
      await expect(readAll(backend, 'a/none')).rejects.toMatchObject(failing('MISSING'));
      await expect(readAll(backend, 'a')).rejects.toMatchObject(failing('IS_A_DIRECTORY'));
    });

    test('the tag is another one after every change, whoever makes it', async () => {
      const tags = new Set<string | undefined>();
      const see = async (): Promise<void> => {
        tags.add((await backend.stat('a', signal))?.tag);
      };
      for (const text of ['one', 'two', 'one', 'six']) {
        await write('a', text);
        await see();
        // Reading waits, where it has to, until a later change shows.
        await readAll(backend, 'a');
        await place.put('a', text.toUpperCase());
        await see();
        await readAll(backend, 'a');
      }
      expect(tags.size).toBeGreaterThanOrEqual(6);
      for (const tag of tags) expect(tag).toMatch(/^.{1,256}$/);
      const before = await backend.stat('a', signal);
      await readAll(backend, 'a');
      expect(await backend.stat('a', signal)).toEqual(before);
    });

    test('another program is seen at once', async () => {
      await place.put('x/y/z', 'theirs');
      expect((await readAll(backend, 'x/y/z')).text).toBe('theirs');
      expect((await listAll(backend, 'x', true)).names).toEqual(['x/y/', 'x/y/z']);
      await place.take('x/y/z');
      expect(await backend.stat('x/y/z', signal)).toBeUndefined();
    });

    test('a listing has what lies directly there, or everything below', async () => {
      for (const path of ['a/1', 'a/b/2', 'a/b/c/3', 'a.b', 'a0']) await write(path, path);
      expect((await listAll(backend)).names).toEqual(['a.b', 'a/', 'a0']);
      expect((await listAll(backend, 'a')).names).toEqual(['a/1', 'a/b/']);
      expect((await listAll(backend, '', true)).names).toEqual(
        ['a.b', 'a/', 'a/1', 'a/b/', 'a/b/2', 'a/b/c/', 'a/b/c/3', 'a0'].sort(),
      );
      const { entries } = await listAll(backend, 'a/b', true);
      for (const [path, entry] of entries) {
        // The time of a directory is nothing that all stores have.
        const seen = await backend.stat(path, signal);
        expect(entry.kind === 'file' ? seen : { ...seen, modified_at: 0 }).toEqual(
          entry.kind === 'file' ? entry : { ...entry, modified_at: 0 },
        );
      }
      await expect(listAll(backend, 'none')).rejects.toMatchObject(failing('MISSING'));
      await expect(listAll(backend, 'a.b')).rejects.toMatchObject(failing('NOT_A_DIRECTORY'));
    });

    test('a long listing comes in pages, each entry once', async () => {
      const paths = Array.from({ length: many }, (_, at) => `many/${String(at).padStart(5, '0')}`);
      for (let at = 0; at < many; at += 32)
        await Promise.all(paths.slice(at, at + 32).map((path) => place.put(path, path)));
      expect((await listAll(backend, 'many')).names).toEqual(paths);
      expect((await listAll(backend, '', true)).names).toEqual(['many/', ...paths]);
    });

    test('a write that expects another file changes nothing', async () => {
      const first = await write('a', 'one', null);
      await expect(write('a', 'two', null)).rejects.toMatchObject(failing('CHANGED'));
      await expect(write('b', 'two', first.tag)).rejects.toMatchObject(failing('CHANGED'));
      const second = await write('a', 'two', first.tag);
      await expect(write('a', 'three', first.tag)).rejects.toMatchObject(failing('CHANGED'));
      await expect(backend.remove('a', { signal, expect: first.tag })).rejects.toMatchObject(failing('CHANGED'));
      expect((await readAll(backend, 'a')).text).toBe('two');
      expect(await backend.remove('a', { signal, expect: second.tag })).toBe(true);
      expect((await listAll(backend, '', true)).names).toEqual([]);
    });

    if (capabilities.conditional_create)
      test('of many who make a file at once, one succeeds', async () => {
        const tries = Array.from({ length: 8 }, (_, at) => write('a', `by ${at}`, null).then(() => at));
        const ended = await Promise.allSettled(tries);
        const won = ended.filter((one) => one.status === 'fulfilled');
        expect(won).toHaveLength(1);
        expect((await readAll(backend, 'a')).text).toBe(`by ${won[0]?.value}`);
      });

    test('a source that fails, or is not as long as it says, leaves what was there', async () => {
      await write('a', 'before');
      const own = new Error('of the source');
      const breaking: Content = {
        size: 10,
        async *read() {
          yield Buffer.from('half');
          throw own;
        },
      };
      await expect(backend.write('a', breaking, anyhow)).rejects.toBe(own);
      await expect(backend.write('new', breaking, anyhow)).rejects.toBe(own);
      for (const size of [3, 5]) {
        await expect(
          backend.write('a', { size, read: () => contentOf('four').read(0, 4) }, anyhow),
        ).rejects.toBeInstanceOf(BackendError);
      }
      expect((await listAll(backend, '', true)).names).toEqual(['a']);
      expect((await readAll(backend, 'a')).text).toBe('before');
    });

    test('files and directories do not take each other’s place', async () => {
      await write('d/f', 'x');
      await expect(write('d', 'x')).rejects.toMatchObject(failing('IS_A_DIRECTORY'));
      await expect(write('d/f/g', 'x')).rejects.toMatchObject(failing('NOT_A_DIRECTORY'));
      await expect(backend.makeDirectory('d/f', signal)).rejects.toMatchObject(failing('NOT_A_DIRECTORY'));
      await expect(backend.makeDirectory('d/f/g', signal)).rejects.toMatchObject(failing('NOT_A_DIRECTORY'));
      await expect(backend.remove('d', anyhow)).rejects.toMatchObject(failing('IS_A_DIRECTORY'));
      await expect(backend.removeDirectory('d/f', { recursive: false, signal })).rejects.toMatchObject(
        failing('NOT_A_DIRECTORY'),
      );
    });

    test('directories are made, found, and removed once they are empty', async () => {
      await backend.makeDirectory('a/b', signal);
      await backend.makeDirectory('a/b', signal);
      expect((await listAll(backend, '', true)).names).toEqual(['a/', 'a/b/']);
      await expect(backend.removeDirectory('a', { recursive: false, signal })).rejects.toMatchObject(
        failing('NOT_EMPTY'),
      );
      await write('a/b/c', 'x');
      await expect(backend.removeDirectory('a/b', { recursive: false, signal })).rejects.toMatchObject(
        failing('NOT_EMPTY'),
      );
      await backend.remove('a/b/c', anyhow);
      expect((await listAll(backend, '', true)).names).toEqual(['a/', 'a/b/']);
      expect(await backend.removeDirectory('a/b', { recursive: false, signal })).toBe(true);
      expect(await backend.removeDirectory('a/b', { recursive: false, signal })).toBe(false);
      expect((await listAll(backend, '', true)).names).toEqual(['a/']);
    });

    test('a directory goes with everything below it', async () => {
      for (const path of ['a/1', 'a/b/2', 'a/b/c/3', 'ab']) await write(path, path);
      await backend.makeDirectory('a/empty', signal);
      expect(await backend.removeDirectory('a', { recursive: true, signal })).toBe(true);
      expect(await backend.removeDirectory('a', { recursive: true, signal })).toBe(false);
      expect((await listAll(backend, '', true)).names).toEqual(['ab']);
    });

    test('removing what is not there is no failure', async () => {
      expect(await backend.remove('none', anyhow)).toBe(false);
      expect(await backend.remove('no/ne', anyhow)).toBe(false);
      await expect(backend.remove('none', { signal, expect: 'tag' })).rejects.toMatchObject(failing('CHANGED'));
    });

    if (capabilities.rename)
      test('a file or directory moves, and replaces only where it may', async () => {
        await write('a/1', 'one');
        await write('b', 'two');
        await backend.rename('a/1', 'x/y/1', { overwrite: false, signal });
        expect((await listAll(backend, '', true)).names).toEqual(['a/', 'b', 'x/', 'x/y/', 'x/y/1']);
        await expect(backend.rename('b', 'x/y/1', { overwrite: false, signal })).rejects.toMatchObject(
          failing('CHANGED'),
        );
        await expect(backend.rename('b', 'x/y', { overwrite: true, signal })).rejects.toMatchObject(failing('CHANGED'));
        await expect(backend.rename('x', 'b', { overwrite: true, signal })).rejects.toMatchObject(failing('CHANGED'));
        await expect(backend.rename('x', 'x/y/z', { overwrite: false, signal })).rejects.toMatchObject(
          failing('REFUSED'),
        );
        await expect(backend.rename('none', 'z', { overwrite: false, signal })).rejects.toMatchObject(
          failing('MISSING'),
        );
        await backend.rename('b', 'x/y/1', { overwrite: true, signal });
        expect((await readAll(backend, 'x/y/1')).text).toBe('two');
        await backend.rename('x/y', 'a/y', { overwrite: false, signal });
        expect((await listAll(backend, '', true)).names).toEqual(['a/', 'a/y/', 'a/y/1', 'x/']);
      });

    test('what is no entry is counted, and keeps its directory from being removed', async (context) => {
      if (!place.litter) return context.skip();
      const count = await place.litter();
      expect(count).toBeGreaterThan(0);
      await place.put('seen', 'x');
      expect(await listAll(backend)).toMatchObject({ names: ['seen'], left_out: count });
      expect(await listAll(backend, '', true)).toMatchObject({ names: ['seen'], left_out: count });
    });

    test.each(['..', 'a/../b', './a', '/a', 'a/', 'a//b', 'a\nb', 'a\0b', '\ud800'])('%j is no path', async (bad) => {
      await place.put('b', 'x');
      await expect(async () => backend.stat(bad, signal)).rejects.toMatchObject({ name: 'AssertionError' });
      await expect(async () => backend.open(bad, { signal })).rejects.toMatchObject({ name: 'AssertionError' });
      await expect(async () => write(bad, 'y')).rejects.toMatchObject({ name: 'AssertionError' });
      await expect(async () => backend.remove(bad, anyhow)).rejects.toMatchObject({ name: 'AssertionError' });
      expect((await listAll(backend)).names).toEqual(['b']);
    });

    test('a call that is no longer asked for ends as one that could not be reached', async () => {
      await write('a', 'x');
      const aborted = { signal: AbortSignal.abort() };
      await expect(async () => backend.stat('a', aborted.signal)).rejects.toMatchObject(failing('UNREACHABLE'));
      await expect(async () => backend.open('a', aborted)).rejects.toMatchObject(failing('UNREACHABLE'));
      await expect(backend.write('a', contentOf('y'), aborted)).rejects.toMatchObject(failing('UNREACHABLE'));
      await expect(backend.remove('a', aborted)).rejects.toMatchObject(failing('UNREACHABLE'));
      expect((await readAll(backend, 'a')).text).toBe('x');
    });
  });
}
