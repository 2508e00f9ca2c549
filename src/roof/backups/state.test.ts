/** The dump has every table of the schema or says why not, and is what `nexus dump` writes. */
import { hash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { forEachEngine, startTestServer, type TestServer } from '../../../test/harness.ts';
import { blobReferences } from '../../core/operations.ts';
import { dump } from '../../features/backups/dump.ts';
import { shapeOf } from '../schema/shape.ts';
import { dumpDatabase } from './offline.ts';
import { readCatalogue, stateOf } from './state.ts';

forEachEngine('the state', (engine) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ engine });
  });
  afterAll(() => server.stop());

  test('is every table of the schema, or one that is left out for a reason', async () => {
    const { dumped, left_out } = readCatalogue();
    const shape = await server.sql.read(shapeOf);
    // What an index of texts keeps for itself.
    const tables = shape.filter(({ kind, name }) => kind === 'table' && !name.startsWith('blob_trigrams_'));
    const told = [...Object.keys(dumped), ...Object.keys(left_out)];
    expect(new Set(told).size).toBe(told.length);
    expect(tables.map(({ name }) => name).filter((name) => !told.includes(name))).toEqual([]);
    const there = new Set(shape.map(({ name }) => name));
    const columns = Object.entries(dumped).flatMap(([table, { key, without = [] }]) =>
      [...key, ...without].map((column) => `${table}.${column}`),
    );
    expect(columns.filter((column) => !there.has(column))).toEqual([]);
    expect(Object.values(left_out).filter((why) => why === '')).toEqual([]);
  });

  test('has no bytes and no secrets in it', async () => {
    const { tables } = await server.sql.read(stateOf);
    const shape = await server.sql.read(shapeOf);
    const kinds = tables.flatMap(({ name, columns }) =>
      columns.map((column) => shape.find((part) => part.name === `${name}.${column}`)?.is ?? 'missing'),
    );
    expect(kinds.filter((is) => /BLOB|bytea|missing/i.test(is))).toEqual([]);
    expect(tables.map(({ name }) => name)).not.toContain('settings');
  });

  test('has what is named by any column that names contents, as collection has', async () => {
    const { dumped } = readCatalogue();
    const shape = await server.sql.read(shapeOf);
    // By their names: contents are named by columns of no other, and each of them has an index.
    const columns = shape.filter(
      ({ kind, name, table }) =>
        kind === 'column' && table in dumped && table !== 'blobs' && /[._]blob(_id)?$/.test(name),
    );
    const known = blobReferences.map(({ table, column }) => `${table}.${column}`);
    expect(columns.map(({ name }) => name).toSorted()).toEqual(known.toSorted());
    const { tables } = await server.sql.read(stateOf);
    const named = tables.flatMap(({ name, contents }) => contents.map((column) => `${name}.${column}`));
    expect(named.toSorted()).toEqual(known.toSorted());
    const where = tables.find(({ name }) => name === 'blobs')?.where ?? '';
    expect(known.filter((column) => !where.includes(`${column} = blobs.blob_id`))).toEqual([]);
    const indexed = shape.filter(({ kind }) => kind === 'index');
    const isIndexed = (reference: string): boolean =>
      indexed.some(({ table, is }) => {
        const [of, column] = reference.split('.');
        return table === of && new RegExp(`\\(${column}\\b`).test(is);
      });
    expect(known.filter((reference) => !isIndexed(reference))).toEqual([]);
  });

  test('is written page by page, as its figures say, and again the same while nothing changes', async () => {
    for (let n = 0; n < 12; n++) await server.ok('write', { path: `/dump/${n}.txt`, content: `text ${n}` });
    let text = '';
    const figures = await dumpDatabase(server.config, (piece) => {
      text += piece;
    });
    const lines = text.trimEnd().split('\n');
    expect(figures.sha256).toBe(hash('sha256', text));
    expect(figures.bytes).toBe(Buffer.byteLength(text));
    expect(JSON.parse(lines.at(-1)!)).toEqual({ rows: figures.rows });
    expect(figures.revisions.root).toBe((await server.ok('write', { path: '/next', content: '' })).revision - 1);
    await server.ok('delete', { path: '/next' });
    const small = await dump(
      server.sql,
      async (tx) => {
        const state = await stateOf(tx);
        return { ...state, tables: state.tables.map((table) => ({ ...table, rows: 2 })) };
      },
      { write: () => undefined },
    );
    expect(small.sha256).toBe((await dumpDatabase(server.config, () => undefined)).sha256);
    expect(small.sha256).not.toBe(figures.sha256);
  });

  test('fails where a key does not tell the rows of a table apart', async () => {
    const wrong = async (tx: Parameters<typeof stateOf>[0]) => {
      const state = await stateOf(tx);
      return { ...state, tables: state.tables.map((table) => ({ ...table, key: [table.key[0]!], rows: 2 })) };
    };
    await expect(dump(server.sql, wrong, { write: () => undefined })).rejects.toThrow(/tells them not apart/);
  });
});
