/** A depot in a directory. */
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bytesOf, collect, sourceOf } from '../../ports/blobs.contract.ts';
import { depotContract } from '../../ports/depot.contract.ts';
import { openDiskDepot } from './disk-depot.ts';

depotContract('in a directory', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'nexus-depot-'));
  return {
    open: () => openDiskDepot(join(directory, 'not', 'there'), 'keep'),
    remove: async () => rmSync(directory, { recursive: true }),
  };
});

test('one that is not there yet may be opened by many at the same time', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'nexus-depot-'));
  for (let turn = 0; turn < 20; turn++) {
    const place = join(directory, String(turn), 'not', 'there');
    const depots = await Promise.all(Array.from({ length: 8 }, () => openDiskDepot(place, 'keep')));
    for (const depot of depots) await depot.close();
  }
  rmSync(directory, { recursive: true });
});

test('who looks makes nothing, takes nothing from under a backup, and finds nothing where nothing is', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'nexus-depot-'));
  const place = join(directory, 'not', 'there');
  const none = await openDiskDepot(place, 'look');
  expect(await none.documents.list()).toEqual([]);
  expect(await none.documents.get('a.json')).toBeUndefined();
  for await (const sha256 of none.hashes()) expect(sha256).toBe('none');
  await none.close();
  expect(readdirSync(directory)).toEqual([]);

  const source = sourceOf(bytesOf('content'));
  const [ends, begun] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const depot = await openDiskDepot(place, 'keep');
  const put = depot.blobs.put({
    ...source,
    async *read(start, end) {
      begun.resolve();
      await ends.promise;
      yield* source.read(start, end);
    },
  });
  await begun.promise;
  for (const use of ['look', 'keep'] as const) await (await openDiskDepot(place, use)).close();
  ends.resolve();
  await put;
  await depot.close();
  const looking = await openDiskDepot(place, 'look');
  expect(String(await collect(looking.blobs.read(source.sha256, 0, source.size)))).toBe('content');
  expect(await looking.blobs.has(sourceOf(bytesOf('other')).sha256)).toBe(false);
  await looking.close();
  rmSync(directory, { recursive: true });
});

test('a document that a crash left half written goes an hour later', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'nexus-depot-'));
  const open = async (): Promise<void> => (await openDiskDepot(directory, 'keep')).close();
  await open();
  const [old, young] = ['.new-old', '.new-young'].map((name) => join(directory, 'documents', name));
  for (const path of [old, young]) writeFileSync(path!, 'half');
  utimesSync(old!, 0, 0);
  await open();
  expect(readdirSync(join(directory, 'documents'))).toEqual(['.new-young']);
  rmSync(directory, { recursive: true });
});
