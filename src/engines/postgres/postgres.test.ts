/** The engine for many nodes: the port's suite, and what is its own. What it does when things break: loss.test.ts. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { runOn } from '../../../test/servers/postgres.ts';
import { freshDatabase } from '../../../test/servers/shared-postgres.ts';
import { startTcpProxy } from '../../../test/servers/tcp-proxy.ts';
import { sqlContract } from '../../ports/sql.contract.ts';
import type { Sql, Tx } from '../../ports/sql.ts';
import { openPostgres } from './postgres.ts';

const open = (url: string): Promise<Sql> =>
  openPostgres({
    url,
    pool: { size: 5, overflow: 10, recycleMs: 0, prePing: true },
    onBroken: (reason) => {
      throw reason;
    },
  });

sqlContract('postgres', async () => {
  const { url, drop } = await freshDatabase();
  return { types: { text: 'TEXT COLLATE "C"', bytes: 'BYTEA' }, open: () => open(url), remove: drop };
});

describe('postgres', () => {
  let database: Awaited<ReturnType<typeof freshDatabase>>;
  let sql: Sql;

  beforeAll(async () => {
    database = await freshDatabase();
    sql = await open(database.url);
    await sql.migrate('CREATE TABLE things (id TEXT PRIMARY KEY, n BIGINT NOT NULL)', async () => true);
  });
  afterAll(async () => {
    await sql.close();
    await database.drop();
  });
  beforeEach(async () => {
    await sql.write('a', (tx) => tx.run('DELETE FROM things'));
    await sql.write('a', (tx) => tx.run("INSERT INTO things VALUES ('x', 0), ('y', 0)"));
  });

  const raise = (state: string) => (tx: Tx) =>
    tx.run(`DO $body$ BEGIN RAISE EXCEPTION 'secret' USING ERRCODE = '${state}'; END $body$`);
  const bump = (tx: Tx, id: string) => tx.run('UPDATE things SET n = n + 1 WHERE id = ?', [id]);
  const numbers = async () =>
    (await sql.read((tx) => tx.all<{ n: number }>('SELECT n FROM things ORDER BY id'))).map(({ n }) => n);

  test('a plan that was made while a table was small is made anew', async () => {
    const lookUp = (tx: Tx) =>
      tx.all(`SELECT n FROM things WHERE id IN (SELECT value FROM ${tx.dialect.textsOf})`, ['["x","y"]']);
    const visited = () =>
      sql.read(async (tx) => {
        expect(await lookUp(tx)).toHaveLength(2);
        const row = await tx.get<{ n: number }>(
          "SELECT CAST(seq_tup_read + idx_tup_fetch AS BIGINT) AS n FROM pg_stat_xact_user_tables WHERE relname = 'things'",
        );
        return row?.n;
      });
    await runOn(database.url, 'ANALYZE things');
    expect(await visited()).toBeLessThan(10);
    const more = "INSERT INTO things SELECT 'more-' || i, i FROM generate_series(1, 50000) i";
    await sql.write('a', (tx) => tx.run(more));
    await expect.poll(visited, { timeout: 20_000 }).toBeLessThan(10);
  });

  test('a read costs one round trip a statement', async () => {
    const proxy = await startTcpProxy(Number(new URL(database.url).port));
    const through = await open(Object.assign(new URL(database.url), { port: String(proxy.port) }).href);
    const before = proxy.turns;
    for (let i = 0; i < 10; i++) await through.read((tx) => tx.get('SELECT n FROM things WHERE id = ?', ['x']));
    const single = proxy.turns - before;
    await through.read(async (tx) => {
      for (let i = 0; i < 10; i++) await tx.get('SELECT n FROM things WHERE id = ?', ['x']);
    });
    const together = proxy.turns - before - single;
    // The last COMMIT is sent when nobody waits any more.
    expect([single, together].map((turns) => turns >= 10 && turns <= 11)).toEqual([true, true]);
    await through.close();
    await proxy.stop();
  });

  test('a write costs one round trip to see what there is, and one for all that it changes and its commit', async () => {
    const proxy = await startTcpProxy(Number(new URL(database.url).port));
    const through = await open(Object.assign(new URL(database.url), { port: String(proxy.port) }).href);
    const update = { table: 'things', key: 'id', columns: { n: 'BIGINT' } } as const;
    const before = proxy.turns;
    for (let i = 1; i <= 10; i++) {
      await through.write('a', async (tx) => {
        await tx.get('SELECT n FROM things WHERE id = ?', ['x']);
        for (const id of ['x', 'y']) await tx.update(update, [[id, i]]);
      });
    }
    // Some more where a packet arrived in two; waiting for the changes too would take three a write.
    expect(proxy.turns - before).toBeLessThan(30);
    expect(await numbers()).toEqual([10, 10]);
    await through.close();
    await proxy.stop();
  });

  test('a change that fails when its commit is on its way fails its own write, and keeps the others', async () => {
    const taken = async (tx: Tx): Promise<void> => {
      expect(await tx.get("SELECT n FROM things WHERE id = 'x'")).toBeDefined();
      await tx.insert({ into: 'things', columns: ['id', 'n'] }, [['x', 1]]);
    };
    for (const others of [0, 1, 3]) {
      let runs = 0;
      const bumped = (tx: Tx): Promise<number> => {
        runs++;
        return bump(tx, 'y');
      };
      const together = Array.from({ length: others }, () => sql.write('a', bumped));
      const [last, ...before] = await Promise.allSettled([sql.write('a', taken), ...together]);
      expect(last).toMatchObject({ status: 'rejected', reason: { code: '23505' } });
      expect(before.map(({ status }) => status)).toEqual(Array.from({ length: others }, () => 'fulfilled'));
      // They ran beside it, and once more without it.
      expect(runs).toBe(2 * others);
    }
    expect(await numbers()).toEqual([0, 4]);
  });

  test('every session has its limits, its time zone and its durability, whatever the role says', async () => {
    await runOn(
      database.url,
      "ALTER ROLE postgres SET synchronous_commit = off; ALTER ROLE postgres SET timezone = 'Asia/Tokyo'",
    );
    const fresh = await open(database.url.replace('postgres:', 'postgresql+psycopg:'));
    const settings = (tx: Tx) =>
      tx.get(`SELECT current_setting('synchronous_commit') AS durable, current_setting('TimeZone') AS zone,
        current_setting('statement_timeout') AS statement, current_setting('application_name') AS name,
        current_setting('idle_in_transaction_session_timeout') AS idle`);
    const common = { durable: 'on', zone: 'UTC', statement: '10min', name: 'nexus' };
    expect(await fresh.read(settings)).toEqual({ ...common, idle: '10min' });
    expect(await fresh.write('a', settings)).toEqual({ ...common, idle: '1min' });
    expect(await fresh.read(settings)).toEqual({ ...common, idle: '10min' });
    await fresh.close();
    await runOn(database.url, 'ALTER ROLE postgres RESET ALL');
  });

  test('lanes run beside each other', async () => {
    let entered = (): void => undefined;
    const inside = new Promise<void>((resolve) => {
      entered = resolve;
    });
    await sql.write('a', async (tx) => {
      await bump(tx, 'x');
      await sql.write('b', async (other) => {
        await bump(other, 'y');
        entered();
      });
      await inside;
    });
    expect(await numbers()).toEqual([1, 1]);
  });

  test('two writes that lock each other out both succeed', async () => {
    let met = 0;
    const crossing = (first: string, second: string) =>
      sql.write(`lane of ${first}`, async (tx) => {
        await bump(tx, first);
        met++;
        while (met < 2) await tx.get('SELECT 1 AS one');
        await bump(tx, second);
      });
    await Promise.all([crossing('x', 'y'), crossing('y', 'x')]);
    expect(await numbers()).toEqual([2, 2]);
    expect(met).toBeGreaterThan(2);
  });

  test('a write that always meets a conflict gives up and is told to try again; its neighbours succeed', async () => {
    let tries = 0;
    const outcomes = await Promise.allSettled([
      sql.write('a', (tx) => bump(tx, 'x')),
      sql.write('a', async (tx) => {
        tries++;
        // Nor does it help to look away.
        await tx.nested(() => raise('40001')(tx)).catch(() => undefined);
      }),
      sql.write('a', (tx) => bump(tx, 'y')),
      sql.write('b', (tx) => bump(tx, 'y')),
    ]);
    expect(outcomes[1]).toMatchObject({
      status: 'rejected',
      reason: { code: 'UNAVAILABLE', data: { reason: 'busy' } },
    });
    expect(tries).toBe(6);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
    expect(await numbers()).toEqual([1, 2]);
  });

  test.each([
    ['53100', { code: 'UNAVAILABLE', data: { reason: 'disk_full' } }],
    ['53200', { code: 'UNAVAILABLE', data: { reason: 'database' } }],
    ['57014', { code: 'DEADLINE_EXCEEDED' }],
    ['25006', { code: 'UNAVAILABLE', data: { reason: 'read_only' } }],
  ])('SQLSTATE %s is the fault %j, in a read and in a write', async (state, fault) => {
    for (const failing of [() => sql.read(raise(state)), () => sql.write('a', raise(state))]) {
      const thrown = await failing().catch((reason: unknown) => reason);
      expect(thrown).toMatchObject({ name: 'Fault', ...fault, cause: { message: 'secret' } });
      expect((thrown as Error).message).not.toContain('secret');
    }
    await sql.write('a', (tx) => bump(tx, 'x'));
  });

  test('U+0000, which PostgreSQL keeps in no text, is a wrong parameter', async () => {
    const wrong = { code: 'INVALID_PARAMS' };
    await expect(sql.read((tx) => tx.get('SELECT n FROM things WHERE id = ?', ['\0']))).rejects.toMatchObject(wrong);
    const list = JSON.stringify(['a\0']);
    await expect(sql.read((tx) => tx.get(`SELECT value FROM ${tx.dialect.textsOf}`, [list]))).rejects.toMatchObject(
      wrong,
    );
  });

  test('a write that swallows the error of a statement fails with it, and disturbs no other', async () => {
    const outcomes = await Promise.allSettled([
      sql.write('a', (tx) => bump(tx, 'x')),
      sql.write('a', async (tx) => {
        await bump(tx, 'x');
        await tx.run("INSERT INTO things VALUES ('x', 0)").catch(() => undefined);
      }),
      sql.write('a', async (tx) => {
        await tx.run("INSERT INTO things VALUES ('x', 0)").catch(() => undefined);
        await tx.nested(() => bump(tx, 'x')).catch(() => undefined);
      }),
      sql.write('a', (tx) => bump(tx, 'y')),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
    expect(await numbers()).toEqual([1, 1]);
  });

  test('a statement sent after its transaction ended is refused', async () => {
    let kept: Tx | undefined;
    await sql.write('a', async (tx) => {
      kept = tx;
    });
    await expect(kept?.run('DELETE FROM things')).rejects.toThrow('after the end');
    expect(await numbers()).toEqual([0, 0]);
  });

  test('prepared statements outlive a migration', async () => {
    const look = () => sql.read((tx) => tx.get("SELECT * FROM things WHERE id = 'x'"));
    const change = () => sql.write('a', (tx) => tx.get("SELECT * FROM things WHERE id = 'x' FOR UPDATE"));
    expect(await Promise.all([look(), look(), change()])).toHaveLength(3);
    await sql.migrate("ALTER TABLE things ADD COLUMN colour TEXT DEFAULT 'red'", async () => true);
    for (const row of await Promise.all([look(), look(), change(), look()]))
      expect(row).toMatchObject({ colour: 'red' });
  });

  test('a database that cannot hold every text is refused, one out of reach is UNAVAILABLE', async () => {
    const name = `${new URL(database.url).pathname.slice(1)}_latin`;
    await runOn(
      database.url,
      `CREATE DATABASE ${name} ENCODING LATIN1 TEMPLATE template0 LOCALE_PROVIDER libc LOCALE 'C'`,
    );
    const latin = Object.assign(new URL(database.url), { pathname: name }).href;
    await expect(open(latin)).rejects.toThrow('LATIN1');
    await runOn(database.url, `DROP DATABASE ${name} WITH (FORCE)`);
    const gone = await open(latin).catch((reason: unknown) => reason);
    expect(gone).toMatchObject({ code: 'UNAVAILABLE', data: { reason: 'database' } });
    expect((gone as Error).message).toContain(`${name}: database "${name}" does not exist`);
    const closed = await open('postgres://postgres:secret@localhost:1/x').catch((reason: unknown) => reason);
    expect(closed).toMatchObject({ code: 'UNAVAILABLE' });
    expect((closed as Error).message).toMatch(/localhost:1\/x: .*ECONNREFUSED/);
    expect((closed as Error).message).not.toContain('secret');
  });
});
