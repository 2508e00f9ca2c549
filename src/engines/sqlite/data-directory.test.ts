/** The claim on a data directory: who else may have it, and which directories are none. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { claimDirectory, networkKind } from './data-directory.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'nexus-claim-'));
});
afterEach(() => rmSync(home, { recursive: true }));

const modeOf = (path: string): number => statSync(path).mode & 0o777;

/** Another process that claims a directory and holds it until it is killed. */
async function claimElsewhere(directory: string): Promise<() => Promise<void>> {
  const script = `const { claimDirectory } = await import(${JSON.stringify(new URL('./data-directory.ts', import.meta.url))});
    // Held by a name, as a server holds it: what nobody holds is collected, and the lock with it.
    globalThis.claim = claimDirectory(${JSON.stringify(directory)});
    console.log('claimed');
    setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return async () => {
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
}

test('a second server is refused, until the first has let go', () => {
  const directory = join(home, 'data');
  const claim = claimDirectory(directory);
  expect(() => claimDirectory(directory)).toThrow(`another server runs on ${directory}: stop it`);
  claim.release();
  claimDirectory(directory).release();
});

test('a server in another process is refused too, and a killed one stands in nobody’s way', async () => {
  const kill = await claimElsewhere(home);
  expect(() => claimDirectory(home)).toThrow(`another server runs on ${home}`);
  await kill();
  claimDirectory(home).release();
});

test('a missing directory is made for its owner alone', () => {
  const directory = join(home, 'a', 'b');
  claimDirectory(directory).release();
  expect([modeOf(join(home, 'a')), modeOf(directory)]).toEqual([0o700, 0o700]);
});

test('an empty directory that others may enter is closed to them, and so is a server’s own', () => {
  const directory = join(home, 'open');
  mkdirSync(directory);
  chmodSync(directory, 0o755);
  claimDirectory(directory).release();
  expect(modeOf(directory)).toBe(0o700);
  writeFileSync(join(directory, 'nexus.db'), '');
  chmodSync(directory, 0o755);
  claimDirectory(directory).release();
  expect(modeOf(directory)).toBe(0o700);
});

test('a directory with other things in it is left as it is', () => {
  writeFileSync(join(home, 'letter.txt'), 'Dear Sir');
  chmodSync(home, 0o755);
  expect(() => claimDirectory(home)).toThrow('can be entered by other users');
  expect(modeOf(home)).toBe(0o755);
  chmodSync(home, 0o700);
  claimDirectory(home).release();
});

test('a directory on a file system of the network is refused', () => {
  const directory = join(home, 'far');
  const script = `const { claimDirectory } = await import(${JSON.stringify(new URL('./data-directory.ts', import.meta.url))});
    try { claimDirectory(${JSON.stringify(directory)}) } catch (thrown) { console.log(thrown.message) }`;
  // The kernel is made to say that the directory lies on NFS: the type is the first word of what statfs(2) fills in.
  const inject = [
    '-f',
    '-o',
    '/dev/null',
    '-e',
    'trace=statfs',
    '-e',
    'inject=statfs:poke_exit=@arg2=6969000000000000',
  ];
  const said = execFileSync('strace', [...inject, process.execPath, '--input-type=module', '-e', script], {
    encoding: 'utf8',
  });
  expect(said).toContain(`${directory} lies on NFS, where locks and syncs cannot be relied on`);
  expect(existsSync(join(directory, 'server.lock'))).toBe(false);
});

test('file systems of the network are known by their numbers, with either sign; those of this machine are none', () => {
  const network = [0x6969, 0x517b, 0xfe534d42, 0xff534d42, 0x01021997, 0x5346414f, 0x00c36400, 0x0bd00bd0];
  const kinds = ['NFS', 'SMB', 'SMB', 'CIFS', '9P', 'AFS', 'Ceph', 'Lustre'];
  expect(network.map(networkKind)).toEqual(kinds);
  // Where the type is a signed word of 32 bits, the large ones are negative.
  expect(network.map((type) => networkKind(type | 0))).toEqual(kinds);
  const local = {
    ext4: 0xef53,
    xfs: 0x58465342,
    btrfs: 0x9123683e,
    tmpfs: 0x01021994,
    zfs: 0x2fc12fc1,
    overlay: 0x794c7630,
  };
  expect(Object.values(local).map(networkKind)).toEqual(Object.values(local).map(() => undefined));
  expect(networkKind(statfsSync(home).type)).toBeUndefined();
});
