/** The table of texts against a `Map`, texts that fall together among them, and hashes of folders against their own. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ancestorsOf } from '../../../base/paths.ts';
import { hashOf } from '../../../base/seeded-hash.ts';
import { aboveOf, placeOf } from '../evaluate/evaluator.ts';
import { Graph } from './graph.ts';
import { IdTable } from './id-table.ts';
import { Words } from './words.ts';

test('a table finds what a map finds, whatever its hashes are', () => {
  const hash = fc.constantFrom<(text: string) => number>(
    hashOf,
    () => 7,
    () => -1,
    (text) => text.length << 30,
  );
  fc.assert(
    fc.property(
      hash,
      fc.uniqueArray(fc.string({ maxLength: 4 }), { maxLength: 200 }),
      fc.array(fc.string({ maxLength: 4 })),
      (of, known, others) => {
        const texts: string[] = [];
        const table = new IdTable(texts);
        const map = new Map<string, number>();
        for (const text of known) {
          expect(table.find(text, of(text))).toBe(-1);
          map.set(text, texts.push(text) - 1);
          table.add(of(text), texts.length - 1);
        }
        for (const text of [...known, ...others]) expect(table.find(text, of(text))).toBe(map.get(text) ?? -1);
      },
    ),
  );
});

test('the folders above a path are found as they would be by their own texts', () => {
  const name = fc.string({ minLength: 1, maxLength: 3, unit: fc.constantFrom('a', 'b', 'é', '漢', '😀') });
  fc.assert(
    fc.property(fc.array(name, { maxLength: 6 }), fc.array(fc.nat({ max: 6 })), (names, known) => {
      const path = `/${names.join('/')}`;
      const graph = new Graph(new Words());
      const file = graph.words.type('file', '');
      const folders = ancestorsOf(path);
      for (const at of known) if (folders[at] !== undefined) graph.words.node(file, folders[at]);
      let place = placeOf(graph, 'file', path);
      for (const folder of folders.reverse()) {
        place = aboveOf(graph, place);
        expect(place).toMatchObject({ id: folder, node: graph.words.findNode(file, folder) });
      }
    }),
  );
});
