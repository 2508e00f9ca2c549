/**
 * A disk that is really full: a small file system of its own, filled through the server. Mounting one takes root, which
 * CI has.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { buildProgram, type Child, type Outcome, startChild } from './program.ts';
import { lookInto } from './rows.ts';

const MiB = 1024 * 1024;
/** Taken by somebody else, who frees it in the end. */
const FOREIGN_BYTES = 24 * MiB;
const WRITERS = 8;
/** A writer gives up after so many refusals in a row. */
const REFUSALS_MAX = 10;

const home = mkdtempSync(join(tmpdir(), 'nexus-full-'));
const disk = join(home, 'disk');
const directory = join(disk, 'data');
const foreign = join(disk, 'foreign');
const program = buildProgram();
const isRoot = process.getuid?.() === 0;

beforeAll(() => {
  if (!isRoot) return;
  mkdirSync(disk);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=56m,mode=700', 'tmpfs', disk]);
  writeFileSync(foreign, Buffer.alloc(FOREIGN_BYTES));
});
afterAll(() => {
  if (isRoot) execFileSync('umount', [disk]);
  rmSync(home, { recursive: true });
  program.remove();
});

const isDiskFull = (outcome: Outcome): boolean =>
  outcome.kind === 'refused' && outcome.code === 'UNAVAILABLE' && outcome.data.reason === 'disk_full';

/** Contents by path, each its own. */
type Files = Map<string, string>;

/** Writes until there is no room for anything of that size. */
async function fill(child: Child, files: Files, size: number): Promise<void> {
  const fillOne = async (writer: number): Promise<void> => {
    for (let n = 0, refusals = 0; refusals < REFUSALS_MAX; n++) {
      const path = `/of-${size}/w${writer}n${n}`;
      const content = `${path} `.repeat(Math.ceil(size / path.length));
      const outcome = await child.call({ method: 'write', params: { path, content } });
      refusals = outcome.kind === 'done' ? 0 : refusals + 1;
      if (outcome.kind === 'done') files.set(path, content);
      else expect(outcome).toSatisfy(isDiskFull);
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, (_, writer) => fillOne(writer)));
}

async function readAll(child: Child, files: Files): Promise<void> {
  for (const [path, content] of files) expect(await child.ok('read', { path, encoding: 'utf-8' })).toBe(content);
}

/** Deletes every second file that is left. */
async function deleteHalf(child: Child, files: Files): Promise<number> {
  const paths = [...files.keys()].filter((_, i) => i % 2 === 0);
  await Promise.all(
    paths.map(async (path) => expect(await child.ok('delete', { path })).toMatchObject({ deleted: true })),
  );
  for (const path of paths) files.delete(path);
  return paths.length;
}

const write = (child: Child, path: string): Promise<Outcome> =>
  child.call({ method: 'write', params: { path, content: path } });

test.skipIf(!isRoot)(
  'writes are refused, reads and deletes go on, also after a kill, and writes when there is room',
  async () => {
    const files: Files = new Map();
    const child = await startChild(program, { directory });
    await fill(child, files, 200_000);
    await fill(child, files, 3_000);
    expect(files.size).toBeGreaterThan(50);
    expect(await write(child, '/more')).toSatisfy(isDiskFull);
    await readAll(child, files);
    const deleted = await deleteHalf(child, files);
    expect(deleted).toBeGreaterThan(25);
    expect(await write(child, '/more')).toSatisfy(isDiskFull);
    await child.kill();

    // Somebody takes what little was left.
    const rest = statfsSync(disk);
    writeFileSync(join(disk, 'rest'), Buffer.alloc(rest.bavail * rest.bsize));
    expect(statfsSync(disk).bavail).toBe(0);
    const again = await startChild(program, { directory });
    await readAll(again, files);
    expect(await write(again, '/more')).toSatisfy(isDiskFull);

    rmSync(join(disk, 'rest'));
    await deleteHalf(again, files);
    rmSync(foreign);
    await vi.waitFor(async () => expect(await write(again, '/more')).toMatchObject({ kind: 'done' }), {
      timeout: 20_000,
    });
    await readAll(again, files);
    expect(lookInto(directory, '', new Set()).violations).toEqual([]);
    expect(await again.stop()).toEqual({ code: 0, signal: null });
  },
  120_000,
);
