/** What every engine of the depot port must pass, beside the suite of blobs. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { bytesOf, collect, sourceOf } from './blobs.contract.ts';
import type { Depot } from './depot.ts';

/** A place that keeps a depot between openings. */
export interface DepotPlace {
  open(): Promise<Depot>;
  remove(): Promise<void>;
}

export function depotContract(name: string, makePlace: () => Promise<DepotPlace>): void {
  describe(`a depot, ${name}`, () => {
    let place: DepotPlace;
    let depot: Depot;
    beforeEach(async () => {
      place = await makePlace();
      depot = await place.open();
    });
    afterEach(async () => {
      await depot.close();
      await place.remove();
    });

    const hashes = async (): Promise<string[]> => {
      const all = [];
      for await (const sha256 of depot.hashes()) all.push(sha256);
      return all.sort();
    };

    test('is empty at first', async () => {
      expect(await depot.documents.list()).toEqual([]);
      expect(await hashes()).toEqual([]);
      expect(await depot.documents.get('none')).toBeUndefined();
      await depot.documents.remove('none');
    });

    test('keeps documents, the newest under a name, for whoever opens it next', async () => {
      const { documents } = depot;
      for (const [key, text] of [
        ['b.json', 'first'],
        ['a.json', ''],
        ['b.json', 'second ü'],
        ['a-1', 'x'.repeat(200_000)],
      ] as const) {
        await documents.put(key, text);
      }
      expect(await documents.list()).toEqual(['a-1', 'a.json', 'b.json']);
      await depot.close();
      depot = await place.open();
      expect(await depot.documents.get('b.json')).toBe('second ü');
      expect(await depot.documents.get('a.json')).toBe('');
      expect(await depot.documents.get('a-1')).toHaveLength(200_000);
      await depot.documents.remove('b.json');
      expect(await depot.documents.list()).toEqual(['a-1', 'a.json']);
    });

    test('tells the hashes of its contents, and of nothing else', async () => {
      const sources = ['one', 'two', 'three'].map((text) => sourceOf(bytesOf(text)));
      for (const source of sources) await depot.blobs.put(source);
      await depot.documents.put('beside', 'a document');
      expect(await hashes()).toEqual(sources.map(({ sha256 }) => sha256).sort());
      const [one] = sources;
      expect(await collect(depot.blobs.read(one!.sha256, 0, one!.size))).toEqual(Buffer.from('one'));
      await depot.blobs.delete(one!.sha256);
      expect(await hashes()).toHaveLength(2);
    });

    test.each(['', '../a', 'a/b', 'A', '.a', 'a'.repeat(129)])('takes no document called %j', async (bad) => {
      await expect(depot.documents.put(bad, '')).rejects.toThrow(/no name/);
      await expect(depot.documents.get(bad)).rejects.toThrow(/no name/);
      await expect(depot.documents.remove(bad)).rejects.toThrow(/no name/);
    });
  });
}
