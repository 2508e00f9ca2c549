/** The corpus folder: what is found in it, and every way out of it that is refused. */
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, realpath, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { corpusFolder } from './corpus-folder.ts';

let outer: string;
let root: string;

beforeAll(async () => {
  outer = await realpath(await mkdtemp(join(tmpdir(), 'corpus-')));
  root = join(outer, 'texts');
  for (const folder of ['a/b', '.git', 'a/.venv', '__pycache__', 'a/object_storage']) {
    await mkdir(join(root, folder), { recursive: true });
    await writeFile(join(root, folder, 'file.md'), folder);
  }
  await writeFile(join(root, '.hidden.md'), 'no');
  await writeFile(join(outer, 'secret.md'), 'secret');
  await mkdir(join(outer, 'texts-too'));
  await writeFile(join(outer, 'texts-too', 'near.md'), 'near');
  await symlink('../secret.md', join(root, 'leak.md'));
  await symlink(join(outer, 'texts-too'), join(root, 'leaks'));
  await symlink('a/b/file.md', join(root, 'alias.md'));
  await symlink('..', join(root, 'a', 'ring'));
  await symlink('nowhere', join(root, 'dangling.md'));
  execFileSync('mkfifo', [join(root, 'pipe.md')]);
});
afterAll(() => rm(outer, { recursive: true }));

async function listed(folder: string, leftOut: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for await (const path of corpusFolder(folder).list(new Set(leftOut))) found.push(path);
  return found;
}

async function readIt(path: string): Promise<string> {
  const file = await corpusFolder(root).open(path);
  if (!file || file === 'OUTSIDE') return String(file);
  try {
    const pieces: Uint8Array[] = [];
    for await (const piece of file.bytes()) pieces.push(piece);
    return `${file.path.slice(outer.length)} ${file.size} ${Buffer.concat(pieces)}`;
  } finally {
    await file.close();
  }
}

test.each([
  ['a/b/file.md', '/texts/a/b/file.md 3 a/b'],
  ['./a/../a/b/file.md', '/texts/a/b/file.md 3 a/b'],
  ['alias.md', '/texts/a/b/file.md 3 a/b'],
  ['a/ring/a/b/file.md', '/texts/a/b/file.md 3 a/b'],
  ['nothing.md', 'undefined'],
  ['a', 'undefined'],
  ['a/b/file.md/more', 'undefined'],
  ['pipe.md', 'undefined'],
  ['dangling.md', 'undefined'],
  ['a\0b', 'undefined'],
  ['../secret.md', 'OUTSIDE'],
  ['leak.md', 'OUTSIDE'],
  ['leaks/near.md', 'OUTSIDE'],
  ['leaks/nothing.md', 'OUTSIDE'],
  ['../texts-too/near.md', 'OUTSIDE'],
  ['../nothing.md', 'OUTSIDE'],
  ['/etc/passwd', 'OUTSIDE'],
  ['..', 'OUTSIDE'],
])('%j is %j', async (path, found) => {
  expect(await readIt(path)).toBe(found);
});

test('an absolute path inside is the same as a relative one', async () => {
  expect(await readIt(join(root, 'a/b/file.md'))).toBe('/texts/a/b/file.md 3 a/b');
});

test('each file is listed once, without what is hidden, left out or outside', async () => {
  const found = await listed(root, ['__pycache__', 'object_storage']);
  expect(found).toEqual([join(root, 'a/b/file.md')]);
});

test('what is swapped for a link that leads out, however often, is never read', async () => {
  const inside = join(root, 'swapped.md');
  await writeFile(join(root, 'a', 'good.md'), 'good');
  let over = false;
  const swapping = (async () => {
    for (let turn = 0; !over; turn++) {
      const next = join(root, 'a', '.next');
      await symlink(turn % 2 === 0 ? join(outer, 'secret.md') : 'a/good.md', next);
      await rename(next, inside);
    }
  })();
  const seen = new Set<string>();
  for (let n = 0; n < 500; n++) seen.add(await readIt('swapped.md'));
  over = true;
  await swapping;
  await rm(inside);
  expect([...seen].filter((text) => text.includes('secret'))).toEqual([]);
  expect(seen).toContain('OUTSIDE');
});

test('a folder that is not there has nothing in it', async () => {
  const none = corpusFolder(join(outer, 'none'));
  expect(await none.exists()).toBe(false);
  expect(await none.open('a.md')).toBeUndefined();
  expect(await listed(none.named, [])).toEqual([]);
  expect(await corpusFolder(join(outer, 'secret.md')).exists()).toBe(false);
  expect(await corpusFolder(root).exists()).toBe(true);
});
