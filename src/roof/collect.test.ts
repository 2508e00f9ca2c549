/** Collection of blobs: what goes, what stays, and that no content is lost to a collection that runs beside its write. */
import { hash } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Bare, openBare } from '../../test/bare.ts';
import { Fault } from '../base/faults.ts';
import { blobSteps } from '../core/operations.ts';
import { reserveBlobs } from '../features/content/content.operations.ts';
import { touchBlobs } from '../features/content/content.sql.ts';
import type { Blobs } from '../ports/blobs.ts';
import { type CollectParts, collectBlobs, finishRemovals } from './collect.ts';

const HOUR = 3_600_000;
/** Kept in the blob store, not inline. */
const LARGE = 'large '.repeat(20_000);

let bare: Bare;
beforeEach(async () => {
  bare = await openBare();
});
afterEach(() => bare.close());

const shaOf = (text: string): string => hash('sha256', text);
const later = (ms: number): void => bare.clock.set(bare.clock.now() + ms);
const parts = (blobs: Blobs = bare.blobs): CollectParts => ({
  step: bare.step,
  blobs,
  clock: bare.clock,
  signal: new AbortController().signal,
});
const write = (path: string, content: string) => bare.call('write', { path, content });
const hasRow = async (text: string): Promise<boolean> =>
  (await bare.sql.read((tx) => tx.get('SELECT blob_id FROM blobs WHERE sha256 = ?', [shaOf(text)]))) !== undefined;

/** Nothing names the content any more, as after the end of its history. */
async function forget(path: string): Promise<void> {
  await bare.sql.write('root', (tx) => tx.run('DELETE FROM file_states WHERE path = ?', [path]));
}

test('what nothing names goes after an hour, inline or not; what a state names stays, past states too', async () => {
  await write('/kept', 'small kept');
  await write('/kept', LARGE);
  await write('/kept', 'newest');
  await write('/gone-1', 'small gone');
  await write('/gone-2', `${LARGE}gone`);
  await forget('/gone-1');
  await forget('/gone-2');
  later(HOUR - 1);
  await collectBlobs(parts());
  expect(await hasRow('small gone')).toBe(true);
  later(2);
  await collectBlobs(parts());
  expect(await hasRow('small gone')).toBe(false);
  expect(await hasRow(`${LARGE}gone`)).toBe(false);
  expect(await bare.blobs.has(shaOf(`${LARGE}gone`))).toBe(false);
  for (const kept of ['small kept', LARGE, 'newest']) expect(await hasRow(kept)).toBe(true);
  expect(await bare.blobs.has(shaOf(LARGE))).toBe(true);
  expect(await bare.step(blobSteps.left, 'root', { before: bare.clock.now() + 1 })).toEqual([]);
});

test('a content that was collected can be written and read again', async () => {
  await write('/a', LARGE);
  await forget('/a');
  later(2 * HOUR);
  await collectBlobs(parts());
  await write('/b', LARGE);
  expect(await bare.blobs.has(shaOf(LARGE))).toBe(true);
});

test('a write waits while the file of its content is being removed, and its own file is not lost', async () => {
  await write('/a', LARGE);
  await forget('/a');
  later(2 * HOUR);
  const deleting = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const slow: Blobs = {
    put: (source) => bare.blobs.put(source),
    setAside: (sha256) => bare.blobs.setAside(sha256),
    read: (sha256, start, end) => bare.blobs.read(sha256, start, end),
    has: (sha256) => bare.blobs.has(sha256),
    stage: bare.blobs.stage,
    close: () => bare.blobs.close(),
    delete: async (sha256) => {
      deleting.resolve();
      await goOn.promise;
      await bare.blobs.delete(sha256);
    },
  };
  const collection = collectBlobs(parts(slow));
  await deleting.promise;
  expect(await hasRow(LARGE)).toBe(false);
  let written = false;
  const writing = write('/b', LARGE).then(() => {
    written = true;
  });
  const blob = { sha256: shaOf(LARGE), size: LARGE.length, utf8: true };
  expect(await bare.step(reserveBlobs, 'root', { blobs: [blob] })).toBe(false);
  expect(written).toBe(false);
  goOn.resolve();
  await collection;
  await writing;
  expect(await bare.blobs.has(shaOf(LARGE))).toBe(true);
  expect(await hasRow(LARGE)).toBe(true);
});

test('a write that began before the collection keeps its content', async () => {
  const blob = { sha256: shaOf(LARGE), size: LARGE.length, utf8: true };
  await write('/a', LARGE);
  await forget('/a');
  later(2 * HOUR);
  const { loose } = await bare.step(blobSteps.scan, 'root', { after: 0, before: bare.clock.now() - HOUR });
  expect(loose).toContain(blob.sha256);
  expect(await bare.step(reserveBlobs, 'root', { blobs: [blob] })).toBe(true);
  const { files } = await bare.step(blobSteps.remove, 'root', { sha256s: loose, before: bare.clock.now() - HOUR });
  expect(files).toEqual([]);
  expect(await hasRow(LARGE)).toBe(true);
});

test('content that was reserved and then collected is refused by the write, never named without its file', async () => {
  const stored = { sha256: shaOf(LARGE), size: LARGE.length, utf8: true };
  expect(await bare.step(reserveBlobs, 'root', { blobs: [stored] })).toBe(true);
  later(2 * HOUR);
  await collectBlobs(parts());
  const naming = bare.sql.write('root', (tx) => touchBlobs(tx, [{ ...stored, inline: null }], bare.clock.now()));
  await expect(naming).rejects.toSatisfy((thrown) => thrown instanceof Fault && thrown.data.reason === 'collected');
  expect(await hasRow(LARGE)).toBe(false);
});

test('a deletion that a crash left undone is done by the next start, and by other nodes only much later', async () => {
  await write('/a', LARGE);
  await forget('/a');
  later(2 * HOUR);
  const decided = { sha256s: [shaOf(LARGE)], before: bare.clock.now() - HOUR };
  expect((await bare.step(blobSteps.remove, 'root', decided)).files).toEqual([shaOf(LARGE)]);
  later(60_000);
  await finishRemovals(parts(), false);
  expect(await bare.blobs.has(shaOf(LARGE))).toBe(true);
  await finishRemovals(parts(), true);
  expect(await bare.blobs.has(shaOf(LARGE))).toBe(false);

  await write('/b', LARGE);
  await forget('/b');
  later(2 * HOUR);
  await bare.step(blobSteps.remove, 'root', { ...decided, before: bare.clock.now() - HOUR });
  later(600_001);
  await finishRemovals(parts(), false);
  expect(await bare.blobs.has(shaOf(LARGE))).toBe(false);
  expect(
    await bare.step(reserveBlobs, 'root', { blobs: [{ sha256: shaOf(LARGE), size: LARGE.length, utf8: true }] }),
  ).toBe(true);
});

test('a file is not deleted long after it was decided: another node may have taken it over', async () => {
  await write('/a', LARGE);
  await forget('/a');
  later(2 * HOUR);
  const { step } = bare;
  const stalled: CollectParts = {
    ...parts(),
    step: async (operation, zone_id, input) => {
      const output = await step(operation, zone_id, input);
      if (operation.name === 'blob.remove') later(120_000);
      return output;
    },
  };
  await collectBlobs(stalled);
  expect(await bare.blobs.has(shaOf(LARGE))).toBe(true);
  expect(await bare.step(blobSteps.left, 'root', { before: bare.clock.now() })).toEqual([shaOf(LARGE)]);
});
