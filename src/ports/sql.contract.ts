/**
 * What every engine of the SQL port must pass. An engine's test calls {@link sqlContract} with a way to make a fresh,
 * empty database.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { countOf } from '../base/distribution.ts';
import { add, count, ids, LANE } from './sql.contract-table.ts';
import type { Sql, Tx } from './sql.ts';
import { later } from './sql-later.contract.ts';
import { values } from './sql-values.contract.ts';

/** A database that may be opened several times at once. */
export interface SqlPlace {
  /** How its columns of text and bytes are declared. */
  readonly types: { readonly text: string; readonly bytes: string };
  open(): Promise<Sql>;
  /** Frees the place; all that was opened is closed by then. */
  remove(): Promise<void>;
}

export function sqlContract(name: string, makePlace: () => Promise<SqlPlace>): void {
  describe(`sql: ${name}`, () => {
    let place: SqlPlace;
    let sql: Sql;
    const sqlOf = (): Sql => sql;

    beforeAll(async () => {
      place = await makePlace();
      sql = await place.open();
      const { text, bytes } = place.types;
      await sql.migrate(
        `CREATE TABLE things (id ${text} PRIMARY KEY, n BIGINT NOT NULL);
         CREATE TABLE cells (id ${text} PRIMARY KEY, t ${text}, b ${bytes}, n BIGINT, small INTEGER, real DOUBLE PRECISION)`,
        async () => true,
      );
    });
    afterAll(async () => {
      await sql.close();
      await place.remove();
    });
    beforeEach(async () => {
      await sql.write(LANE, (tx) => tx.run('DELETE FROM things'));
      await sql.write(LANE, (tx) => tx.run('DELETE FROM cells'));
    });

    seeing(sqlOf);
    failing(sqlOf);
    nesting(sqlOf);
    excluding(sqlOf, () => place);
    values(sqlOf);
    later(sqlOf);
    migrating(() => place);
    closing(() => place);
  });
}

function seeing(sql: () => Sql): void {
  test('a write that resolved is seen by every read that begins afterwards', async () => {
    for (let i = 0; i < 50; i++) {
      await sql().write(LANE, (tx) => add(tx, `t${i}`));
      const seen = await Promise.all(Array.from({ length: 4 }, () => sql().read(count)));
      expect(seen).toEqual([i + 1, i + 1, i + 1, i + 1]);
    }
  });

  test('a read sees one snapshot, whatever is written meanwhile', async () => {
    const seen = await sql().read(async (tx) => {
      const before = await count(tx);
      await sql().write(LANE, (other) => add(other, 'late'));
      return [before, await count(tx)];
    });
    expect(seen).toEqual([0, 0]);
    expect(await sql().read(count)).toBe(1);
  });

  test('a read sees nothing of a write that has not resolved, the write itself sees its own', async () => {
    const seen = await sql().write(LANE, async (tx) => {
      await add(tx, 'open');
      return [await count(tx), await sql().read(count)];
    });
    expect(seen).toEqual([1, 0]);
  });

  test('answers rows, the first row, and how many rows were changed', async () => {
    const changed = await sql().write(LANE, async (tx) => {
      await add(tx, 'a', 1);
      await add(tx, 'b', 2);
      return [await tx.run('UPDATE things SET n = n + 1'), await tx.run("DELETE FROM things WHERE id = 'z'")];
    });
    expect(changed).toEqual([2, 0]);
    const read = await sql().read(async (tx) => [
      await tx.get('SELECT id, n FROM things ORDER BY id'),
      await tx.all('SELECT id, n FROM things ORDER BY id'),
      await tx.get("SELECT id FROM things WHERE id = 'z'"),
      await tx.all("SELECT id FROM things WHERE id = 'z'"),
      tx.statements,
    ]);
    const [a, b] = [
      { id: 'a', n: 2 },
      { id: 'b', n: 3 },
    ];
    expect(read).toEqual([a, [a, b], undefined, [], 4]);
  });

  test('many reads at once are all served', async () => {
    await sql().write(LANE, (tx) => add(tx, 'one'));
    const seen = await Promise.all(Array.from({ length: 100 }, () => sql().read(count)));
    expect(seen).toEqual(Array.from({ length: 100 }, () => 1));
  });
}

function failing(sql: () => Sql): void {
  test('a write that throws leaves nothing, is answered with what it threw, and disturbs no other of its batch', async () => {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 30 }, (_, i) =>
        sql().write(LANE, async (tx) => {
          await add(tx, `t${i}`);
          if (i % 3 === 0) throw new Error(`no ${i}`);
          if (i % 3 === 1) await add(tx, `t${i}`);
          return i;
        }),
      ),
    );
    const kept = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    expect(kept).toEqual([2, 5, 8, 11, 14, 17, 20, 23, 26, 29]);
    expect(outcomes[3]).toMatchObject({ status: 'rejected', reason: { message: 'no 3' } });
    expect(await ids(sql())).toEqual(kept.map((i) => `t${i}`).sort());
  });

  test('a write that fails at its last statement leaves none of the earlier ones', async () => {
    const write = sql().write(LANE, async (tx) => {
      await add(tx, 'a');
      await tx.run("UPDATE things SET n = 7 WHERE id = 'a'");
      await tx.run('INSERT INTO nowhere (id) VALUES (1)');
    });
    await expect(write).rejects.toThrow();
    expect(await ids(sql())).toEqual([]);
  });

  test('a read that throws is answered with what it threw, and reads go on', async () => {
    for (let i = 0; i < 40; i++) {
      await expect(sql().read(() => Promise.reject(new Error('mine')))).rejects.toThrow('mine');
      await expect(sql().read((tx) => tx.get('SELECT * FROM nowhere'))).rejects.toThrow();
    }
    expect(await sql().read(count)).toBe(0);
  });

  test('a read changes nothing', async () => {
    await expect(sql().read((tx) => add(tx, 'a'))).rejects.toThrow();
    expect(await ids(sql())).toEqual([]);
  });
}

function nesting(sql: () => Sql): void {
  const throwing = async (tx: Tx, id: string): Promise<void> => {
    await add(tx, id);
    throw new Error(`undo ${id}`);
  };

  test('a nested part that throws is undone alone', async () => {
    const said = await sql().write(LANE, async (tx) => {
      await add(tx, 'before');
      const inner = await tx.nested(() => throwing(tx, 'inside')).catch((thrown: Error) => thrown.message);
      await add(tx, 'after');
      return [inner, await tx.nested(() => add(tx, 'kept'))];
    });
    expect(said).toEqual(['undo inside', 1]);
    expect(await ids(sql())).toEqual(['after', 'before', 'kept']);
  });

  test('a statement that fails inside a nested part spoils nothing outside it', async () => {
    await sql().write(LANE, async (tx) => {
      await add(tx, 'a');
      await expect(tx.nested(() => add(tx, 'a'))).rejects.toThrow();
      await add(tx, 'b');
    });
    expect(await ids(sql())).toEqual(['a', 'b']);
  });

  test('nested parts nest', async () => {
    await sql().write(LANE, (tx) =>
      tx.nested(async () => {
        await add(tx, 'outer');
        await tx.nested(() => throwing(tx, 'inner')).catch(() => undefined);
        await tx.nested(() => add(tx, 'second'));
      }),
    );
    const gone = sql().write(LANE, (tx) =>
      tx.nested(async () => {
        await tx.nested(() => add(tx, 'lost'));
        await throwing(tx, 'outer too');
      }),
    );
    await expect(gone).rejects.toThrow('undo outer too');
    expect(await ids(sql())).toEqual(['outer', 'second']);
  });
}

/** Reads, then writes what it read and one more: exact only if nobody else is between the two. */
async function increment(tx: Tx, id: string): Promise<number> {
  const row = await tx.get<{ n: number }>('SELECT n FROM things WHERE id = ?', [id]);
  const n = (row?.n ?? Number.NaN) + 1;
  await tx.run('UPDATE things SET n = ? WHERE id = ?', [n, id]);
  return n;
}

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const ascending = (list: readonly number[]): number[] => [...list].sort((a, b) => a - b);

function excluding(sql: () => Sql, place: () => SqlPlace): void {
  test('200 increments at once in one lane are exact, and share commits', async () => {
    await sql().write(LANE, (tx) => add(tx, 'counter'));
    const before = sql().stats();
    const seen = await Promise.all(
      Array.from({ length: 200 }, () => sql().write(LANE, (tx) => increment(tx, 'counter'))),
    );
    expect(ascending(seen)).toEqual(numbers(1, 200));
    const after = sql().stats();
    expect(after.commits.writes.sum - before.commits.writes.sum).toBe(200);
    expect(countOf(after.commits.seconds) - countOf(before.commits.seconds)).toBeLessThanOrEqual(50);
    expect(after.statements - before.statements).toBe(400);
  });

  test('a lane excludes also what others who opened the database write', async () => {
    const others = [await place().open(), await place().open()];
    await sql().write(LANE, (tx) => add(tx, 'shared'));
    const all = [sql(), ...others].flatMap((each) =>
      Array.from({ length: 40 }, () => each.write(LANE, (tx) => increment(tx, 'shared'))),
    );
    expect(ascending(await Promise.all(all))).toEqual(numbers(1, 120));
    await Promise.all(others.map((other) => other.close()));
  });

  test('writes of one lane run one after the other, those of many lanes all run', async () => {
    const inside = new Map<string, number>();
    const most = new Map<string, number>();
    const visit = (lane: string, i: number) => async (tx: Tx) => {
      const now = (inside.get(lane) ?? 0) + 1;
      inside.set(lane, now);
      most.set(lane, Math.max(now, most.get(lane) ?? 0));
      await add(tx, `${lane} ${i}`);
      await count(tx);
      inside.set(lane, (inside.get(lane) ?? 0) - 1);
    };
    const lanes = numbers(1, 20).map((i) => `lane ${i}`);
    await Promise.all(lanes.flatMap((lane) => numbers(1, 5).map((i) => sql().write(lane, visit(lane, i)))));
    expect([...most.values()]).toEqual(lanes.map(() => 1));
    expect(await sql().read(count)).toBe(100);
  });
}

function migrating(place: () => SqlPlace): void {
  test('five who open the database at once apply a migration once', async () => {
    const ledger = 'CREATE TABLE IF NOT EXISTS ledger (version BIGINT PRIMARY KEY)';
    const apply = async (): Promise<boolean> => {
      const sql = await place().open();
      await sql.migrate(ledger, async () => true);
      const done = await sql.migrate(
        'CREATE TABLE made_once (n BIGINT); INSERT INTO made_once VALUES (1)',
        async (tx) => (await tx.run('INSERT INTO ledger (version) VALUES (?) ON CONFLICT DO NOTHING', [1])) === 1,
      );
      await sql.close();
      return done;
    };
    const done = await Promise.all(Array.from({ length: 5 }, apply));
    expect(done.filter(Boolean)).toHaveLength(1);
  });

  test('a migration that fails leaves nothing, not even what its first part did', async () => {
    const sql = await place().open();
    const broken = sql.migrate('CREATE TABLE half (n BIGINT); INSERT INTO nowhere VALUES (1)', async (tx) => {
      await add(tx, 'first');
      return true;
    });
    await expect(broken).rejects.toThrow();
    await expect(sql.read((tx) => tx.all('SELECT n FROM half'))).rejects.toThrow();
    expect(await sql.read(count)).toBe(0);
    await sql.close();
  });
}

function closing(place: () => SqlPlace): void {
  test('closing waits for the writes that were asked for', async () => {
    const sql = await place().open();
    const writes = Array.from({ length: 20 }, (_, i) => sql.write(LANE, (tx) => add(tx, `t${i}`)));
    await sql.close();
    expect(await Promise.all(writes)).toHaveLength(20);
    const again = await place().open();
    await again.ping();
    expect(await again.read(count)).toBe(20);
    await again.close();
  });
}
