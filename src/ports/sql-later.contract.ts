/** What a write may say before it is sent: inserted rows and kept rows. Nobody can tell when they were sent. */
import { expect, test } from 'vitest';
import { add, count, ids, LANE } from './sql.contract-table.ts';
import type { KeptRow, RowsInsert, Sql, Tx } from './sql.ts';

const things: RowsInsert = { into: 'things', columns: ['id', 'n'] };
const numbers = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

interface Thing {
  readonly id: string;
  readonly n: number;
}

const find = (tx: Tx, id: string): Promise<Thing | undefined> =>
  tx.get<Thing>('SELECT id, n FROM things WHERE id = ?', [id]);
const keptAs = (row: Thing): KeptRow => ({
  row,
  save: { sql: 'UPDATE things SET n = ? WHERE id = ?', params: [row.n, row.id] },
  whole: true,
});
/** One more, of the row as the write before left it. */
async function more(tx: Tx): Promise<number> {
  const row = tx.kept<Thing>('things', 'counter') ?? (await find(tx, 'counter'));
  const n = (row?.n ?? Number.NaN) + 1;
  await tx.keep('things', 'counter', keptAs({ id: 'counter', n }));
  return n;
}

export function later(sql: () => Sql): void {
  test('inserted rows are found by the next statement of the same write, and stay', async () => {
    const seen = await sql().write(LANE, async (tx) => {
      await tx.insert(things, [['a', 1]]);
      await tx.insert(
        things,
        numbers(150).map((i) => [`b${i}`, i]),
      );
      return [await count(tx), await tx.run('DELETE FROM things WHERE n > 100'), await count(tx)];
    });
    expect(seen).toEqual([151, 49, 102]);
    expect(await sql().read(count)).toBe(102);
  });

  test('a row that cannot be inserted fails its write, with the reason, whatever is asked after it', async () => {
    await sql().write(LANE, (tx) => add(tx, 'taken'));
    const taken = (tx: Tx): Promise<void> => tx.insert(things, [['taken', 1]]);
    const reason = await sql()
      .write(LANE, taken)
      .catch((thrown: unknown) => thrown);
    const after = sql().write(LANE, async (tx) => {
      await add(tx, 'mine');
      await taken(tx);
      return await count(tx);
    });
    await expect(after).rejects.toEqual(reason);
    const within = sql().write(LANE, async (tx) => {
      await add(tx, 'mine');
      await tx.nested(() => taken(tx));
    });
    await expect(within).rejects.toEqual(reason);
    const outlived = await sql().write(LANE, async (tx) => {
      await add(tx, 'mine');
      await tx.nested(() => taken(tx)).catch(() => undefined);
      return count(tx);
    });
    expect(outlived).toBe(2);
    expect(await ids(sql())).toEqual(['mine', 'taken']);
  });

  test('of writes that go together each is whole: one that fails takes its rows with it, and no others', async () => {
    const results = await Promise.allSettled(
      numbers(40).map((i) =>
        sql().write(LANE, async (tx) => {
          await tx.insert(things, [[`t${String(i).padStart(2, '0')}`, i]]);
          if (i % 7 === 3) throw new Error(`no ${i}`);
          return i;
        }),
      ),
    );
    const failed = numbers(40).filter((i) => i % 7 === 3);
    expect(numbers(40).filter((i) => results[i]?.status === 'rejected')).toEqual(failed);
    expect(await ids(sql())).toEqual(
      numbers(40)
        .filter((i) => !failed.includes(i))
        .map((i) => `t${String(i).padStart(2, '0')}`),
    );
  });

  test('a row that may not be inserted fails its own write only', async () => {
    await sql().write(LANE, (tx) => add(tx, 'taken'));
    const results = await Promise.allSettled(
      ['a', 'taken', 'b'].map((id) => sql().write(LANE, (tx) => tx.insert(things, [[id, 1]]))),
    );
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await ids(sql())).toEqual(['a', 'b', 'taken']);
  });

  test('a part that fails takes what it inserted with it, and what came before stays', async () => {
    await sql().write(LANE, async (tx) => {
      await tx.insert(things, [['before', 1]]);
      const part = tx.nested(async () => {
        await tx.insert(things, [['within', 1]]);
        throw new Error('no');
      });
      await expect(part).rejects.toThrow('no');
      await tx.nested(() => tx.insert(things, [['other part', 1]]));
      await tx.insert(things, [['after', 1]]);
    });
    expect(await ids(sql())).toEqual(['after', 'before', 'other part']);
  });

  test('a kept row is what the next write finds, and what every statement finds', async () => {
    await sql().write(LANE, (tx) => add(tx, 'counter'));
    const counted = await Promise.all(numbers(100).map(() => sql().write(LANE, more)));
    expect(counted).toEqual(numbers(100).map((i) => i + 1));
    expect(await sql().read((tx) => find(tx, 'counter'))).toEqual({ id: 'counter', n: 100 });
  });

  test('a row that was inserted and then kept is as it was kept', async () => {
    await sql().write(LANE, async (tx) => {
      await tx.insert(things, [['counter', 1]]);
      const row = { id: 'counter', n: 5 };
      await tx.keep('things', 'counter', {
        row,
        save: { sql: 'UPDATE things SET n = 5 WHERE id = ?', params: ['counter'] },
      });
    });
    expect(await sql().read((tx) => find(tx, 'counter'))).toEqual({ id: 'counter', n: 5 });
  });

  test('what a write kept is gone if it fails, and what changed the row otherwise is seen', async () => {
    await sql().write(LANE, (tx) => add(tx, 'counter'));
    const results = await Promise.allSettled(
      numbers(30).map((i) =>
        sql().write(LANE, async (tx) => {
          const n = await more(tx);
          if (i % 10 === 4) throw new Error('no');
          if (i % 10 === 7) await tx.run('UPDATE things SET n = n + 100 WHERE id = ?', ['counter']);
          return n;
        }),
      ),
    );
    expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(3);
    expect(await sql().read((tx) => find(tx, 'counter'))).toEqual({ id: 'counter', n: 327 });
  });

  test('what is known of a row ends with a statement that changes the table, and with no other', async () => {
    const sees = (tx: Tx) => tx.kept<Thing>('things', 'a');
    await sql().write(LANE, async (tx) => {
      tx.know('things', 'a', { id: 'a', n: 1 });
      // An engine that knows nothing has to be asked.
      const known = sees(tx) !== undefined;
      const expected = known ? { id: 'a', n: 1 } : undefined;
      await tx.insert(things, [['b', 2]]);
      expect(await count(tx)).toBe(1);
      expect(sees(tx)).toEqual(expected);
      tx.know('things', 'a', null);
      expect(sees(tx)).toBe(known ? null : undefined);
      await tx.run('UPDATE things SET n = 3');
      expect(sees(tx)).toBeUndefined();
    });
  });

  test('what writes foresee is looked up for them, and each finds what those before it did', async () => {
    await sql().write(LANE, (tx) => add(tx, 'there'));
    let lookUps = 0;
    const lookUp = async (tx: Tx, keys: readonly string[]): Promise<void> => {
      lookUps++;
      for (const key of keys) tx.know('things', key, (await find(tx, key)) ?? null);
    };
    const findKnown = async (tx: Tx, id: string): Promise<Thing | null | undefined> => {
      const known = tx.kept<Thing>('things', id);
      return known === undefined ? find(tx, id) : known;
    };
    const put = (id: string, n: number): Promise<string> =>
      sql().write(
        LANE,
        async (tx) => {
          const before = await findKnown(tx, id);
          if (n % 5 === 3) throw new Error('no');
          if (before) return `${id} is there`;
          await tx.insert(things, [[id, n]]);
          tx.know('things', id, { id, n });
          return `${id} is new`;
        },
        { grows: true, foresight: [{ keys: [id], lookUp }] },
      );
    const results = await Promise.allSettled(numbers(60).map((n) => put(n % 2 === 0 ? `t${n % 12}` : 'there', n)));
    const told = results.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
    expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(12);
    expect(told.filter((text) => text.endsWith('new')).sort()).toEqual(
      ['t0', 't10', 't2', 't4', 't6', 't8'].map((id) => `${id} is new`),
    );
    expect(await ids(sql())).toEqual(['t0', 't10', 't2', 't4', 't6', 't8', 'there']);
    expect(lookUps).toBeLessThan(60);
  });

  test('what a part kept is gone if the part fails', async () => {
    await sql().write(LANE, (tx) => add(tx, 'counter'));
    await sql().write(LANE, async (tx) => {
      await more(tx);
      const part = tx.nested(async () => {
        await more(tx);
        throw new Error('no');
      });
      await expect(part).rejects.toThrow('no');
      expect(await more(tx)).toBe(2);
    });
    expect(await sql().read((tx) => find(tx, 'counter'))).toEqual({ id: 'counter', n: 2 });
  });
}
