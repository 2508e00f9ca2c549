/**
 * What becomes of writes when connections and servers go away under them. Held: what was acknowledged is there, once;
 * what was not is a fault that says whether it may have happened.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createDatabase, type PostgresServer, runOn, startPostgres } from '../../../test/servers/postgres.ts';
import { startTcpProxy, type TcpProxy } from '../../../test/servers/tcp-proxy.ts';
import type { Sql, Tx } from '../../ports/sql.ts';
import { openPostgres } from './postgres.ts';

let server: PostgresServer;
let proxy: TcpProxy;
let database: Awaited<ReturnType<typeof createDatabase>>;
/** Through the proxy. */
let sql: Sql;

beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());
beforeEach(async () => {
  database = await createDatabase(server);
  const direct = new URL(database.url);
  proxy = await startTcpProxy(Number(direct.port));
  const url = Object.assign(new URL(database.url), { port: String(proxy.port) }).href;
  const onBroken = (reason: unknown): never => {
    throw reason;
  };
  sql = await openPostgres({ url, pool: { size: 4, overflow: 4, recycleMs: 0, prePing: true }, onBroken });
  await sql.migrate('CREATE TABLE things (id TEXT PRIMARY KEY, n BIGINT NOT NULL)', async () => true);
  await sql.write('a', (tx) => tx.run("INSERT INTO things VALUES ('x', 0)"));
});
afterEach(async () => {
  await sql.close();
  await proxy.stop();
  await database.drop();
});

const bump = (tx: Tx): Promise<number> => tx.run("UPDATE things SET n = n + 1 WHERE id = 'x'");
const value = async (): Promise<number | undefined> =>
  (await sql.read((tx) => tx.get<{ n: number }>("SELECT n FROM things WHERE id = 'x'")))?.n;

/** The fate of the next COMMIT of a write, and of none after it. */
function loseCommit(fate: 'lose' | 'lose the answer', then: () => void = () => undefined): void {
  proxy.judge = (packet) => {
    if (!packet.includes('COMMIT\0')) return 'pass';
    proxy.judge = () => 'pass';
    then();
    return fate;
  };
}

describe('a commit', () => {
  test('whose answer is lost is found to have happened, and is not run again', async () => {
    let runs = 0;
    loseCommit('lose the answer');
    await sql.write('a', (tx) => {
      runs++;
      return bump(tx);
    });
    expect([runs, await value()]).toEqual([1, 1]);
  });

  test('that never arrived is found not to have happened, and its whole batch is run again', async () => {
    let runs = 0;
    const write = (): Promise<number> =>
      sql.write('a', (tx) => {
        runs++;
        return bump(tx);
      });
    loseCommit('lose');
    await Promise.all([write(), write(), write()]);
    expect([runs, await value()]).toEqual([6, 3]);
  });

  test('whose server crashes before it can be asked has an unknown outcome', async () => {
    loseCommit('lose the answer', () => {
      proxy.shut = true;
    });
    const write = sql.write('a', bump).catch((reason: unknown) => reason);
    // A crash before the server has committed ends in another, certain, outcome: not committed, and run again.
    while (proxy.lostAnswers === 0) await new Promise((resolve) => setImmediate(resolve));
    await server.halt('SIGQUIT');
    await server.resume();
    proxy.shut = false;
    expect(await write).toMatchObject({ code: 'UNAVAILABLE', data: { outcome: 'unknown' } });
    expect(await value()).toBe(1);
  });

  test('whose server is restarted before it can be asked is still found', async () => {
    loseCommit('lose the answer', () => {
      proxy.shut = true;
    });
    const write = sql.write('a', bump);
    while (!proxy.shut) await new Promise((resolve) => setImmediate(resolve));
    await server.halt('SIGINT');
    await server.resume();
    proxy.shut = false;
    await write;
    expect(await value()).toBe(1);
  });
});

const KILL = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid()`;

test('a write whose connection breaks before the commit is run again on another', async () => {
  let runs = 0;
  await sql.write('a', async (tx) => {
    runs++;
    await bump(tx);
    // Nor does it help to look away.
    if (runs === 1)
      await tx.nested(() => tx.run('SELECT pg_terminate_backend(pg_backend_pid())')).catch(() => undefined);
  });
  expect([runs, await value()]).toEqual([2, 1]);
});

test('a read whose connection breaks is run again on another', async () => {
  let runs = 0;
  const seen = await sql.read(async (tx) => {
    runs++;
    if (runs === 1) await runOn(database.url, KILL);
    return tx.get("SELECT n FROM things WHERE id = 'x'");
  });
  expect([runs, seen]).toEqual([2, { n: 0 }]);
});

test('a write that ends every connection it runs on fails at last, and lets the others pass', async () => {
  const outcomes = await Promise.allSettled([
    sql.write('a', bump),
    sql.write('a', (tx) => tx.run('SELECT pg_terminate_backend(pg_backend_pid())')),
    sql.write('a', bump),
  ]);
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(outcomes[1]).toMatchObject({ reason: { code: 'UNAVAILABLE', data: { reason: 'database' } } });
  expect(await value()).toBe(2);
});

/** 16 writers in 4 lanes, each inserting rows of its own until `enough`; what they were told. */
async function insertUntil(enough: () => boolean): Promise<{ acknowledged: Set<string>; faults: unknown[] }> {
  const acknowledged = new Set<string>();
  const faults: unknown[] = [];
  const writers = Array.from({ length: 16 }, async (_, writer) => {
    for (let i = 0; !enough(); i++) {
      const id = `${writer}.${i}`;
      await sql
        .write(`lane ${writer % 4}`, (tx) => tx.run('INSERT INTO things VALUES (?, 1)', [id]))
        .then(
          () => acknowledged.add(id),
          (reason: unknown) => faults.push(reason),
        );
    }
  });
  await Promise.all(writers);
  return { acknowledged, faults };
}

async function missingOf(acknowledged: ReadonlySet<string>): Promise<string[]> {
  const rows = await sql.read((tx) => tx.all<{ id: string }>('SELECT id FROM things'));
  const there = new Set(rows.map(({ id }) => id));
  return [...acknowledged].filter((id) => !there.has(id));
}

test('connections are killed under writers all the while: nothing is lost, nothing is written twice', async () => {
  let kills = 0;
  const killing = (async () => {
    for (; kills < 20; kills++) await runOn(database.url, KILL);
  })();
  const { acknowledged, faults } = await insertUntil(() => kills >= 20);
  await killing;
  expect(acknowledged.size).toBeGreaterThan(16);
  for (const fault of faults) expect(fault).toMatchObject({ code: 'UNAVAILABLE' });
  expect(await missingOf(acknowledged)).toEqual([]);
});

test.each(['SIGINT', 'SIGQUIT'] as const)(
  'the server ends by %s and comes back under writers: nothing is lost',
  async (signal) => {
    let back = false;
    let after = 0;
    const restarting = (async () => {
      for (let round = 0; round < 3; round++) {
        await server.halt(signal);
        await server.resume();
      }
      back = true;
    })();
    const { acknowledged, faults } = await insertUntil(() => back && after++ > 64);
    await restarting;
    expect(acknowledged.size).toBeGreaterThan(16);
    expect(faults.length).toBeGreaterThan(0);
    for (const fault of faults) expect(fault).toMatchObject({ name: 'Fault', code: 'UNAVAILABLE' });
    expect(await missingOf(acknowledged)).toEqual([]);
  },
);
