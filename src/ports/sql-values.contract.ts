/** Values of the SQL port: what is written is read back, on every engine alike. */
import { expect, test } from 'vitest';
import { add, ids, LANE } from './sql.contract-table.ts';
import type { RowsUpdate, Sql, SqlValue } from './sql.ts';

const byBytes = (texts: readonly string[]): string[] =>
  [...texts].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));

const cellValues: RowsUpdate = {
  table: 'cells',
  key: 'id',
  columns: { t: 'TEXT', n: 'BIGINT', real: 'DOUBLE PRECISION' },
};

interface Cell {
  readonly t: string | null;
  readonly b: Uint8Array | null;
  readonly n: number | null;
}

export function values(sql: () => Sql): void {
  const roundTrip = async (column: string, value: SqlValue): Promise<unknown> => {
    await sql().write(LANE, (tx) => tx.run(`INSERT INTO cells (id, ${column}) VALUES (?, ?)`, [column, value]));
    const row = await sql().read((tx) => tx.get<Record<string, unknown>>('SELECT * FROM cells WHERE id = ?', [column]));
    return row?.[column];
  };

  test('a text keeps every character but U+0000', async () => {
    const codes = Array.from({ length: 0x110000 }, (_, code) => code);
    const characters = codes.filter((code) => code > 0 && (code < 0xd800 || code > 0xdfff));
    const text = characters.map((code) => String.fromCodePoint(code)).join('');
    expect((await roundTrip('t', text)) === text).toBe(true);
  });

  test.each(['', ' ', '?', '$1', "'; --", '\\x00', '{"a":"\\u0000"}', 'null', '0', '-0'])(
    'keeps the text %j',
    async (text) => {
      expect(await roundTrip('t', text)).toBe(text);
    },
  );

  test.each([0, 1, 256, 100_000])('keeps %i bytes of every value, in memory of their own', async (size) => {
    const bytes = Uint8Array.from({ length: size }, (_, i) => (i * 7) % 256);
    const back = (await roundTrip('b', bytes)) as Uint8Array;
    expect(back).toBeInstanceOf(Uint8Array);
    expect(back.constructor).toBe(Uint8Array);
    expect(back.buffer.byteLength).toBe(size);
    expect(Buffer.from(back).equals(bytes)).toBe(true);
  });

  const { MAX_SAFE_INTEGER, MIN_SAFE_INTEGER } = Number;
  test.each([0, 1, -1, 2 ** 31, 2 ** 32 + 1, MAX_SAFE_INTEGER, MIN_SAFE_INTEGER])('keeps the number %i', async (n) => {
    expect(await roundTrip('n', n)).toBe(n);
  });

  test('keeps fractions, small integers and null', async () => {
    expect(await roundTrip('real', 0.1)).toBe(0.1);
    expect(await roundTrip('small', 1)).toBe(1);
    await sql().write(LANE, (tx) =>
      tx.run('INSERT INTO cells (id, t, b, n) VALUES (?, ?, ?, ?)', ['x', null, null, null]),
    );
    const row = await sql().read((tx) => tx.get<Cell>("SELECT t, b, n FROM cells WHERE id = 'x'"));
    expect(row).toEqual({ t: null, b: null, n: null });
  });

  test.each([1, 5])('rows changed by their keys, %i of them, keep every value', async (copies) => {
    const texts = ['', "'; --", '"\\\n\t', '\u2028 ü 😀', '{"a":"\\u0000"}', null];
    const numbers = [0, -1, MAX_SAFE_INTEGER, MIN_SAFE_INTEGER, 2 ** 31, null];
    for (const [at, t] of texts.entries()) {
      const n = numbers[at] ?? null;
      const real = n === null ? null : at / 7;
      const rows = Array.from({ length: copies }, (_, i): [string, ...SqlValue[]] => [`c${i}`, t, n, real]);
      await sql().write(LANE, async (tx) => {
        await tx.run('DELETE FROM cells');
        await tx.insert(
          { into: 'cells', columns: ['id', 't', 'n', 'small'] },
          rows.map(([id]) => [id, 'before', 7, 3]),
        );
        await tx.update(cellValues, [...rows, ['not there', 'x', 1, 1]]);
      });
      const found = await sql().read((tx) => tx.all('SELECT id, t, n, real, small FROM cells ORDER BY id'));
      expect(found).toEqual(rows.map(([id]) => ({ id, t, n, real, small: 3 })));
    }
  });

  test.each([1, 5])(
    'of rows that have to be as expected, %i that are not stay, and whoever asked is told',
    async (others) => {
      const ids = Array.from({ length: others }, (_, i) => `other${i}`);
      const rows: [string, ...SqlValue[]][] = [
        ['c', "'", 7],
        ...ids.map((id): [string, ...SqlValue[]] => [id, "'", 8]),
      ];
      const update: RowsUpdate = {
        ...cellValues,
        expects: { t: 'TEXT', n: 'BIGINT', small: 'INTEGER' },
      };
      await sql().write(LANE, (tx) =>
        tx.insert({ into: 'cells', columns: ['id', 't', 'n', 'small'] }, [
          ...rows.map((row) => [...row, 3]),
          ['elsewhere', "'", 7, 4],
        ]),
      );
      const changed = await sql().write(LANE, (tx) =>
        tx.updateGiving(update, [
          ['c', "'", 7, 3, 'after', 9, 0.5],
          ...ids.map((id) => [id, "'", 7, 3, 'after', 9, 0.5]),
          ['elsewhere', "'", 7, 3, 'after', 9, 0.5],
          ['not there', "'", 7, 3, 'after', 9, 0.5],
        ]),
      );
      expect(changed).toEqual(['c']);
      const after = await sql().read((tx) => tx.all("SELECT id, n FROM cells WHERE t = 'after'"));
      expect(after).toEqual([{ id: 'c', n: 9 }]);
      expect(await sql().write(LANE, (tx) => tx.updateGiving(update, []))).toEqual([]);
    },
  );

  test('counts, sums, comparisons and literals are numbers', async () => {
    await sql().write(LANE, async (tx) => {
      await add(tx, 'a', 2 ** 40);
      await add(tx, 'b', 1);
    });
    const row = await sql().read((tx) =>
      tx.get('SELECT COUNT(*) AS c, SUM(n) AS s, MAX(n) AS m, COUNT(*) > 1 AS yes, 1 AS one FROM things'),
    );
    expect(row).toEqual({ c: 2, s: 2 ** 40 + 1, m: 2 ** 40, yes: 1, one: 1 });
  });

  test('an integer that a number cannot hold is an error, never another number', async () => {
    await sql().write(LANE, (tx) => tx.run("INSERT INTO cells (id, n) VALUES ('big', 9007199254740993)"));
    await expect(sql().read((tx) => tx.all('SELECT n FROM cells'))).rejects.toThrow();
  });

  test('texts compare and sort by their bytes, those given by parameters too', async () => {
    const texts = ['a', 'B', 'b', 'A', 'ä', 'z', 'Z', 'a/b', 'a-b', 'ab', 'a b', 'a0', '_', '~', '\u{fffd}', '😀', 'é'];
    await sql().write(LANE, async (tx) => {
      for (const text of texts) await add(tx, text);
    });
    const sorted = byBytes(texts);
    expect(await ids(sql())).toEqual(sorted);
    const after = await sql().read((tx) =>
      tx.all<{ id: string }>('SELECT id FROM things WHERE id > ? ORDER BY id', ['Z']),
    );
    expect(after.map(({ id }) => id)).toEqual(sorted.slice(sorted.indexOf('Z') + 1));
    const pairs = await sql().read((tx) =>
      tx.get('SELECT MAX(v) AS most FROM (SELECT CAST(? AS TEXT) AS v UNION ALL SELECT CAST(? AS TEXT)) x', ['a', 'B']),
    );
    expect(pairs).toEqual({ most: 'a' });
  });

  test('a row may be locked, and a list of texts joined', async () => {
    const texts = ['a', 'ä', '"', "'", '\\', '😀', ''];
    const found = await sql().write(LANE, async (tx) => {
      for (const text of texts) await add(tx, text);
      await tx.get(`SELECT n FROM things WHERE id = ?${tx.dialect.forUpdate}`, ['a']);
      const joined = `SELECT t.id FROM ${tx.dialect.textsOf} x JOIN things t ON t.id = x.value`;
      return tx.all<{ id: string }>(`${joined} ORDER BY t.id`, [JSON.stringify([...texts, 'other'])]);
    });
    expect(found.map(({ id }) => id)).toEqual(byBytes(texts));
  });
}
