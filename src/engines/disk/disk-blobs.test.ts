/** The disk engine: the port's suite, and what is its own: layout, leftovers, the order of syncs, a full disk. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { blobsContract, bytesOf, collect, sourceOf } from '../../ports/blobs.contract.ts';
import type { BlobSource } from '../../ports/blobs.ts';
import { type Opening, openDiskBlobs } from './disk-blobs.ts';

const temporaryFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'disk-blobs-'));

blobsContract('disk', async () => {
  const folder = await temporaryFolder();
  return { open: () => openDiskBlobs(join(folder, 'blobs')), remove: () => rm(folder, { recursive: true }) };
});

describe('files of the disk engine', () => {
  const source = sourceOf(bytesOf('on disk'));
  const { sha256 } = source;
  let folder: string;
  let root: string;

  beforeEach(async () => {
    folder = await temporaryFolder();
    root = join(folder, 'deep', 'blobs');
  });
  afterEach(() => rm(folder, { recursive: true }));

  test('a blob lies under the first two bytes of its hash, in folders that only the owner may enter', async () => {
    await mkdir(root, { recursive: true });
    await chmod(root, 0o755);
    const blobs = await openDiskBlobs(root);
    await blobs.put(source);
    const path = join(root, sha256.slice(0, 2), sha256.slice(2, 4), sha256);
    expect(await readFile(path, 'utf8')).toBe('on disk');
    expect((await stat(root)).mode & 0o777).toBe(0o700);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    await blobs.close();
    await expect(blobs.put(source)).rejects.toThrow('closed');
  });

  test('a failed put leaves no file at all', async () => {
    const blobs = await openDiskBlobs(root);
    await expect(blobs.put({ ...source, size: source.size - 1 })).rejects.toMatchObject({ code: 'BLOB_MISMATCH' });
    const files = await readdir(root, { recursive: true, withFileTypes: true });
    expect(files.filter((entry) => entry.isFile())).toEqual([]);
    await blobs.close();
  });

  test.each<Opening>(['first', 'beside', 'looking'])(
    'who opens it again in the same process (%s) takes nothing from under a put',
    async (opening) => {
      const [ends, begun] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const slow: BlobSource = {
        ...source,
        async *read(start, end) {
          begun.resolve();
          await ends.promise;
          yield* source.read(start, end);
        },
      };
      const blobs = await openDiskBlobs(root);
      const put = blobs.put(slow);
      await begun.promise;
      await (await openDiskBlobs(root, opening)).close();
      ends.resolve();
      await put;
      expect(String(await collect(blobs.read(sha256, 0, source.size)))).toBe('on disk');
      await blobs.close();
    },
  );

  /** Of this process, of one that is gone, of one of another container, where many have the number 1, and of nobody. */
  const LEFT = [
    `${process.pid}-own`,
    `${spawnSync(process.execPath, ['--version']).pid}-gone`,
    '1-elsewhere',
    'noname',
  ];

  /** Written so many minutes ago. */
  async function leave(minutes: number): Promise<void> {
    const then = new Date(Date.now() - minutes * 60_000);
    await mkdir(join(root, 'tmp'), { recursive: true });
    for (const name of LEFT) {
      const path = join(root, 'tmp', `${name}-${minutes}`);
      await writeFile(path, 'half');
      await utimes(path, then, then);
    }
  }
  const left = async (): Promise<string[]> => (await readdir(join(root, 'tmp'))).sort();
  const named = (minutes: number): string[] => LEFT.map((name) => `${name}-${minutes}`).sort();

  test('what nobody has written to for an hour is removed at the opening, whoever began it; the rest stays', async () => {
    await leave(59);
    await leave(61);
    for (const opening of ['looking', 'beside'] as const) await (await openDiskBlobs(root, opening)).close();
    expect(await left()).toHaveLength(2 * LEFT.length);
    await (await openDiskBlobs(root)).close();
    expect(await left()).toEqual(named(59));
  });

  test('what was too young at the opening is removed with a write, an hour later', async () => {
    const blobs = await openDiskBlobs(root);
    await leave(30);
    await leave(61);
    await blobs.put(source);
    expect(await left()).toHaveLength(2 * LEFT.length);
    vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 3_600_001);
    try {
      await leave(30);
      await leave(0);
      for (const text of ['one', 'two']) await blobs.put(sourceOf(bytesOf(text)));
      expect(await left()).toEqual([...named(0), ...named(30)].sort());
    } finally {
      vi.restoreAllMocks();
    }
    await blobs.close();
  });

  test('a folder whose disk was taken away is out of reach, and nothing is written in its place', async () => {
    const blobs = await openDiskBlobs(root);
    await blobs.put(source);
    await rename(root, `${root}-elsewhere`);
    await mkdir(root);
    const away = { code: 'UNAVAILABLE', data: { reason: 'blobs', retry_after: 5 } };
    await expect(blobs.has(sha256)).rejects.toMatchObject(away);
    await expect(collect(blobs.read(sha256, 0, source.size))).rejects.toMatchObject(away);
    for (const other of [source, sourceOf(bytesOf('another'))])
      await expect(blobs.put(other)).rejects.toMatchObject(away);
    const files = await readdir(root, { recursive: true, withFileTypes: true });
    expect(files.filter((entry) => entry.isFile())).toEqual([]);
    // A thread that comes only now makes it none of its own.
    const beside = await openDiskBlobs(root, 'beside');
    for (const store of [beside, blobs]) await expect(store.has(sha256)).rejects.toMatchObject(away);
    await rm(root, { recursive: true });
    await rename(`${root}-elsewhere`, root);
    expect(await beside.has(sha256)).toBe(true);
    await beside.close();
    await blobs.put(source);
    expect(await blobs.has(sha256)).toBe(true);
    await blobs.close();
  });

  test('a file cut short is written again by the next put', async () => {
    const blobs = await openDiskBlobs(root);
    await blobs.put(source);
    await truncate(join(root, sha256.slice(0, 2), sha256.slice(2, 4), sha256), 3);
    await expect(collect(blobs.read(sha256, 0, source.size))).rejects.toMatchObject({ code: 'BLOB_DAMAGED' });
    await blobs.put(source);
    expect(String(await collect(blobs.read(sha256, 0, source.size)))).toBe('on disk');
    await blobs.close();
  });

  test('an error of the disk that is no lack of room comes out as it is', async () => {
    const blobs = await openDiskBlobs(root);
    await writeFile(join(root, sha256.slice(0, 2)), 'in the way of the folder');
    await expect(blobs.put(source)).rejects.toMatchObject({ code: 'EEXIST' });
    await rm(join(root, sha256.slice(0, 2)));
    await blobs.put(source);
    expect(await blobs.has(sha256)).toBe(true);
    await blobs.close();
  });
});

/** A program of its own that stores blobs in the folder named by its first argument. */
const program = (body: string): string[] => [
  '--input-type=module',
  '--eval',
  `import { openDiskBlobs } from ${JSON.stringify(new URL('./disk-blobs.ts', import.meta.url).href)};
   import { createHash } from 'node:crypto';
   const sourceOf = (bytes) => ({
     size: bytes.length,
     sha256: createHash('sha256').update(bytes).digest('hex'),
     async *read() { for (let at = 0; at < bytes.length; at += 4096) yield bytes.subarray(at, at + 4096); },
   });
   const blobs = await openDiskBlobs(process.argv[1]);
   const say = (words) => process.stdout.write(words + '\\n');
   ${body}`,
];

const works = (command: string, ...args: string[]): boolean => spawnSync(command, args).status === 0;

describe('the disk under the engine', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await temporaryFolder();
  });
  afterAll(() => rm(folder, { recursive: true }));

  test.skipIf(process.platform !== 'linux')(
    'put resolves after the syncs of the file and of every folder',
    async () => {
      const trace = join(folder, 'trace');
      const body = `const source = sourceOf(Buffer.from('x'));
      await blobs.put(source); say('stored');
      await blobs.put(source); say('stored again');`;
      const calls = '--trace=fsync,fdatasync,rename,renameat,renameat2,mkdir,mkdirat,write';
      const root = join(folder, 'a', 'blobs');
      execFileSync('strace', ['-f', '-y', '-z', '-o', trace, calls, process.execPath, ...program(body), root]);
      const steps = (await readFile(trace, 'utf8')).split('\n').flatMap((line) => stepOf(line, folder));
      const { sha256 } = sourceOf(bytesOf('x'));
      const [outer, inner] = [sha256.slice(0, 2), sha256.slice(2, 4)];
      expect(steps).toEqual([
        'mkdir a',
        'mkdir a/blobs',
        'sync a',
        'sync ',
        'mkdir a/blobs/tmp',
        `mkdir a/blobs/${outer}`,
        'sync a/blobs',
        `mkdir a/blobs/${outer}/${inner}`,
        `sync a/blobs/${outer}`,
        'sync a/blobs/tmp/…',
        `rename a/blobs/${outer}/${inner}/${sha256}`,
        `sync a/blobs/${outer}/${inner}`,
        'stored',
        `sync a/blobs/${outer}/${inner}`,
        'stored again',
      ]);
    },
  );

  test.skipIf(process.platform !== 'linux')('what the disk cannot read is damaged, and can be set aside', async () => {
    const root = join(folder, 'unread', 'blobs');
    const { sha256 } = sourceOf(bytesOf('x'));
    const file = join(root, sha256.slice(0, 2), sha256.slice(2, 4), sha256);
    const body = `const source = sourceOf(Buffer.from('x'));
      await blobs.put(source);
      const found = await blobs.read(source.sha256, 0, 1).next().catch((thrown) => thrown.code);
      await blobs.setAside(source.sha256);
      say(found + ' ' + (await blobs.has(source.sha256)));`;
    const fails = ['-f', '-o', join(folder, 'unread-trace'), '-P', file, '-e', 'inject=pread64:error=EIO'];
    const said = execFileSync('strace', [...fails, process.execPath, ...program(body), root], { encoding: 'utf8' });
    expect(said).toBe('BLOB_DAMAGED false\n');
  });

  test.skipIf(!works('unshare', '-rm', 'true'))('a full disk is UNAVAILABLE, and others go on', async () => {
    const body = `await blobs.put(sourceOf(Buffer.alloc(100_000, 1)));
      const full = await blobs.put(sourceOf(Buffer.alloc(2_000_000, 2))).catch((fault) => fault);
      const left = fs.readdirSync(path.join(process.argv[1], 'tmp'));
      await blobs.put(sourceOf(Buffer.alloc(100_000, 3)));
      const kept = await blobs.has(sourceOf(Buffer.alloc(100_000, 1)).sha256);
      say(JSON.stringify({ name: full.name, code: full.code, data: full.data, left, kept }));`;
    const mount = 'mount -t tmpfs -o size=1m none "$0" && exec "$@"';
    const room = join(folder, 'room');
    await mkdir(room);
    const args = [
      '-rm',
      'sh',
      '-c',
      mount,
      room,
      process.execPath,
      ...program(`import fs from 'node:fs'; import path from 'node:path'; ${body}`),
      room,
    ];
    expect(JSON.parse(execFileSync('unshare', args, { encoding: 'utf8' }))).toEqual({
      name: 'Fault',
      code: 'UNAVAILABLE',
      data: { reason: 'disk_full' },
      left: [],
      kept: true,
    });
  });
});

/** One line of the trace as words about a path below the folder; [] for calls that are about something else. */
function stepOf(line: string, folder: string): string[] {
  const said = /write\(1<.*?>, "(stored.*?)\\n"/.exec(line)?.[1];
  if (said) return [said];
  const call = /^\d+\s+(mkdir|fsync|fdatasync|rename)\w*\((.*)$/.exec(line);
  const path = call?.[2]
    ?.match(/[<"]([^<>"]+)[>"]/g)
    ?.at(-1)
    ?.slice(1, -1);
  if (!call || path === undefined || !path.startsWith(folder)) return [];
  const verb = call[1] === 'fsync' || call[1] === 'fdatasync' ? 'sync' : call[1];
  return [`${verb} ${path.slice(folder.length + 1).replace(/(?<=\/tmp)\/.*/, '/…')}`];
}
