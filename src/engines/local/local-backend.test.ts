/** The local connector: the port's suite, and what is its own: links, devices, odd names, roots, syncs. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { backendContract, listAll, readAll } from '../../ports/backend.contract.ts';
import type { Backend } from '../../ports/backend.ts';
import { foldsNames } from './folding.ts';
import { localConnector } from './local-connector.ts';

const signal = new AbortController().signal;
const freshFolder = async (): Promise<string> => realpath(await mkdtemp(join(tmpdir(), 'local-')));

const connectorOf = (roots: readonly string[]): ReturnType<typeof localConnector> =>
  localConnector({ roots, own: '/nowhere', shared: false, severalNodes: () => false });

async function openMade(folder: string, root: string): Promise<Backend> {
  const connector = connectorOf([folder]);
  await connector.making?.make({ root_path: root });
  return (await connector.open({ root_path: root }, signal)).backend;
}

backendContract('local', {
  capabilities: connectorOf([]).capabilities,
  newPlace: async () => {
    const folder = await freshFolder();
    const root = join(folder, 'root');
    return {
      open: () => openMade(folder, root),
      put: async (path, text) => {
        await mkdir(dirname(join(root, path)), { recursive: true });
        await writeFile(join(root, path), text);
      },
      take: (path) => rm(join(root, path)),
      litter: async () => {
        await symlink('/etc/passwd', join(root, 'out'));
        await symlink('../../..', join(root, 'up'));
        await symlink('nowhere', join(root, 'dangling'));
        await symlink('.', join(root, 'circle'));
        execFileSync('mkfifo', [join(root, 'pipe')]);
        await writeFile(join(root, 'line\nbreak'), 'x');
        await writeFile(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff, 0xfe])]), 'x');
        return 7;
      },
      remove: () => rm(folder, { recursive: true }),
    };
  },
});

describe('a directory of the host', () => {
  let folder: string;
  let root: string;
  let backend: Backend;
  beforeEach(async () => {
    folder = await freshFolder();
    root = join(folder, 'root');
    backend = await openMade(folder, root);
    await mkdir(join(folder, 'outside'));
    await writeFile(join(folder, 'outside', 'secret'), 'secret');
  });
  afterEach(async () => {
    await backend.close();
    await rm(folder, { recursive: true });
  });
  const text = (path: string): Promise<string> => readAll(backend, path).then((read) => read.text);
  const contentOf = (words: string) => ({
    size: Buffer.byteLength(words),
    read: async function* (start: number, end: number) {
      yield Buffer.from(words).subarray(start, end);
    },
  });

  test('a root that is missing is made, for the owner only', async () => {
    expect((await stat(root)).mode & 0o777).toBe(0o700);
  });

  test.each([
    ['absolute', () => join(folder, 'outside')],
    ['relative', () => '../outside'],
    ['by way of itself', () => '../root/../outside'],
    ['through another link', () => 'chain'],
  ])('no call leaves the root by a link: %s', async (_, target) => {
    await symlink('../outside', join(root, 'chain'));
    await symlink(target(), join(root, 'dir'));
    await symlink(join(folder, 'outside', 'secret'), join(root, 'file'));
    for (const path of ['dir', 'dir/secret', 'file', 'chain/secret']) {
      expect(await backend.stat(path, signal), path).toBeUndefined();
      await expect(text(path), path).rejects.toMatchObject({ name: 'BackendError' });
      await expect(backend.write(path, contentOf('x'), { signal }), path).rejects.toMatchObject({
        name: 'BackendError',
      });
      await expect(backend.makeDirectory(`${path}/new`, signal), path).rejects.toMatchObject({ name: 'BackendError' });
      await expect(
        backend.rename(path, 'moved/away', { overwrite: true, signal }).then(() => text('moved/away/secret')),
      ).rejects.toMatchObject({ name: 'BackendError' });
    }
    expect(await listAll(backend, '', true)).toMatchObject({ names: expect.not.arrayContaining(['dir/secret']) });
    expect(await readdir(join(folder, 'outside'))).toEqual(['secret']);
    expect(await readFile(join(folder, 'outside', 'secret'), 'utf8')).toBe('secret');
  });

  test('links within the root are what they lead to; removed is the link', async () => {
    await mkdir(join(root, 'a'));
    await writeFile(join(root, 'a', 'f'), 'one');
    await symlink('a/f', join(root, 'to-file'));
    await symlink(join(root, 'a'), join(root, 'to-dir'));
    expect((await listAll(backend, '', true)).names).toEqual(['a/', 'a/f', 'to-dir/', 'to-dir/f', 'to-file']);
    await backend.write('to-file', contentOf('two'), { signal });
    expect(await text('a/f')).toBe('two');
    await backend.remove('to-file', { signal });
    await backend.removeDirectory('to-dir', { recursive: true, signal });
    expect((await listAll(backend, '', true)).names).toEqual(['a/', 'a/f']);
  });

  test('a link moves where it leads to the same, and over a file; never onto what it leads to', async () => {
    const move = (from: string, to: string): Promise<void> => backend.rename(from, to, { overwrite: true, signal });
    await mkdir(join(root, 'dir'));
    for (const name of ['f', 'g', 'dir/h']) await writeFile(join(root, name), name);
    for (const name of ['one', 'two', 'three']) await symlink('f', join(root, name));
    await symlink('dir', join(root, 'to-dir'));
    await expect(move('one', 'dir/one')).rejects.toMatchObject({ code: 'REFUSED' });
    await move('one', 'uno');
    await move('uno', 'g');
    expect(await text('g')).toBe('f');
    await writeFile(join(root, 'new'), 'new');
    await move('new', 'g');
    expect([await text('g'), await text('f')]).toEqual(['new', 'f']);
    await move('two', 'f');
    expect(await text('f')).toBe('f');
    await move('f', 'three');
    expect([await text('three'), await backend.stat('f', signal)]).toEqual(['f', undefined]);
    await link(join(root, 'three'), join(root, 'hard'));
    await move('three', 'hard');
    await expect(move('dir/h', 'to-dir/h')).rejects.toMatchObject({ code: 'REFUSED' });
    expect((await listAll(backend, '', true)).names).toEqual(['dir/', 'dir/h', 'g', 'hard', 'to-dir/', 'to-dir/h']);
  });

  test('what nobody sees is in the way of what is made, and says so', async () => {
    execFileSync('mkfifo', [join(root, 'pipe')]);
    await symlink(join(folder, 'outside'), join(root, 'out'));
    await writeFile(join(root, 'f'), 'f');
    await backend.makeDirectory('d', signal);
    for (const path of ['pipe', 'out']) {
      const making = [
        () => backend.makeDirectory(path, signal),
        () => backend.makeDirectory(`${path}/below`, signal),
        () => backend.write(`${path}/below`, contentOf('x'), { signal }),
        () => backend.rename('f', path, { overwrite: true, signal }),
        () => backend.rename('d', path, { overwrite: false, signal }),
        () => backend.rename('f', `${path}/below`, { overwrite: false, signal }),
      ];
      for (const make of making) await expect(make()).rejects.toMatchObject({ code: 'REFUSED' });
      for (const one of [path, `${path}/below`]) {
        await expect(listAll(backend, one)).rejects.toMatchObject({
          code: expect.stringMatching(/^(MISSING|NOT_A_DIRECTORY)$/),
        });
      }
    }
  });

  test('a file system that takes names of other letters for the same is told by a file that is there for a moment', async () => {
    expect(await foldsNames(root)).toBe(false);
    expect(await readdir(root)).toEqual([]);
    // As it would be where both names are one: what is found under the second is not asked for.
    await writeFile(join(root, '.NEXUS-PROBE'), '');
    expect(await foldsNames(root, '.nexus-probe')).toBe(true);
    expect(await readdir(root)).toEqual(['.NEXUS-PROBE']);
  });

  test('circles of links end', async () => {
    await mkdir(join(root, 'a', 'b'), { recursive: true });
    await symlink('../..', join(root, 'a', 'b', 'top'));
    await symlink('x', join(root, 'y'));
    await symlink('y', join(root, 'x'));
    const { names, left_out } = await listAll(backend, '', true);
    expect(names).toEqual(['a/', 'a/b/']);
    expect(left_out).toBe(3);
    expect(await backend.stat('x', signal)).toBeUndefined();
  });

  test('directories that are swapped for links while calls go on lead nowhere', async () => {
    await mkdir(join(root, 'dir'));
    await writeFile(join(root, 'dir', 'secret'), 'fine');
    await symlink(join(folder, 'outside'), join(root, 'link'));
    const [dir, link, aside] = [join(root, 'dir'), join(root, 'link'), join(root, 'aside')];
    let stop = false;
    const swapping = (async () => {
      while (!stop) {
        await rename(dir, aside);
        await rename(link, dir);
        await rename(dir, link);
        await rename(aside, dir);
      }
    })();
    const seen = new Set<string>();
    const failedWell = (thrown: { readonly name: string }): void => expect(thrown.name).toBe('BackendError');
    for (let n = 0; n < 200; n++) {
      await text('dir/secret').then((read) => seen.add(read), failedWell);
      await backend.stat('dir/secret', signal).then((entry) => seen.add(entry ? 'fine' : ''), failedWell);
      await listAll(backend, '', true).catch(failedWell);
    }
    stop = true;
    await swapping;
    expect(['', 'fine']).toEqual(expect.arrayContaining([...seen]));
  });

  test('pipes, devices and sockets are neither opened nor waited for', async () => {
    execFileSync('mkfifo', [join(root, 'pipe')]);
    const socket = createServer().listen(join(root, 'socket'));
    await once(socket, 'listening');
    for (const path of ['pipe', 'socket']) {
      expect(await backend.stat(path, signal)).toBeUndefined();
      await expect(text(path)).rejects.toMatchObject({ code: 'REFUSED' });
      await expect(backend.write(path, contentOf('x'), { signal })).rejects.toMatchObject({ code: 'REFUSED' });
      await expect(backend.remove(path, { signal })).rejects.toMatchObject({ code: 'REFUSED' });
    }
    await expect(backend.removeDirectory('', { recursive: true, signal })).rejects.toMatchObject({ code: 'REFUSED' });
    await mkdir(join(root, 'd'));
    execFileSync('mkfifo', [join(root, 'd', 'pipe')]);
    await writeFile(join(root, 'd', 'f'), 'x');
    await expect(backend.removeDirectory('d', { recursive: true, signal })).rejects.toMatchObject({
      code: 'NOT_EMPTY',
    });
    expect(await text('d/f')).toBe('x');
    await new Promise((resolve) => socket.close(resolve));
  });

  test('what a crash left unfinished is never seen, and goes with a later write beside it', async () => {
    const name = '.nexus-00000000-0000-4000-8000-000000000000.tmp';
    await writeFile(join(root, name), 'half');
    await mkdir(join(root, name.replace('0000.tmp', '0001.tmp')));
    expect(await listAll(backend)).toMatchObject({ names: [], left_out: 0 });
    expect(await backend.stat(name, signal)).toBeUndefined();
    await expect(backend.write(name, contentOf('x'), { signal })).rejects.toMatchObject({ code: 'REFUSED' });
    // Somebody may still be writing to what is young.
    await backend.write('f', contentOf('x'), { signal });
    expect(await readdir(root)).toHaveLength(3);
  });

  test('a root that becomes a link, or goes, is out of reach', async () => {
    await writeFile(join(root, 'f'), 'x');
    await rename(root, join(folder, 'moved'));
    await symlink(join(folder, 'outside'), root);
    await expect(backend.stat('secret', signal)).rejects.toMatchObject({ code: 'UNREACHABLE' });
    await unlink(root);
    await expect(listAll(backend)).rejects.toMatchObject({ code: 'UNREACHABLE' });
  });

  test('the mode of a file that is replaced stays', async () => {
    await writeFile(join(root, 'script'), 'one', { mode: 0o750 });
    await backend.write('script', contentOf('two'), { signal });
    expect((await stat(join(root, 'script'))).mode & 0o777).toBe(0o750);
  });

  test.skipIf(process.platform !== 'linux')('a write is answered after the syncs of file and directory', async () => {
    const trace = join(folder, 'trace');
    const program = `import { localConnector } from ${JSON.stringify(new URL('./local-connector.ts', import.meta.url).href)};
      const connector = localConnector({ roots: [${JSON.stringify(folder)}], own: '/nowhere', shared: true, severalNodes: () => false });
      const { backend } = await connector.open({ root_path: ${JSON.stringify(root)} }, new AbortController().signal);
      const content = { size: 1, read: async function* () { yield Buffer.from('x'); } };
      await backend.write('new/f', content, { signal: new AbortController().signal });
      process.stdout.write('answered\\n');`;
    const calls = '--trace=fsync,fdatasync,rename,renameat,renameat2,mkdir,mkdirat,write';
    execFileSync('strace', [
      '-f',
      '-y',
      '-z',
      '-o',
      trace,
      calls,
      process.execPath,
      '--input-type=module',
      '--eval',
      program,
    ]);
    const lines = (await readFile(trace, 'utf8'))
      .split('\n')
      .filter((line) => line.includes(root) || /\/proc\/self\/fd\/|answered/.test(line));
    const order = lines.flatMap((line) => /\s(mkdir|fsync|rename|write)\w*\(/.exec(line)?.[1] ?? []);
    // The directory is made and its name synced; the bytes are written and synced, and then their name.
    expect(order.join(' ')).toBe('mkdir fsync write fsync rename fsync write');
  });

  test('with several nodes it takes the word of the operator that they see the same', async () => {
    const several = { roots: [folder], own: '/nowhere', severalNodes: () => true };
    const open = (shared: boolean) => localConnector({ ...several, shared }).open({ root_path: root }, signal);
    await expect(open(false)).rejects.toMatchObject({ code: 'INVALID_PARAMS' });
    await (await open(true)).backend.close();
  });
});
